// The guest has some file systems of its own, which are empty and hide what the host has there. This finds what of it has
// to be shown all the same.

import { existsSync, realpathSync } from 'node:fs';

const OWN = ['/dev', '/dev/shm', '/run', '/tmp'];

const isBelow = (path, folder) => path.startsWith(`${folder}/`);

function isHidden(path) {
  return !OWN.includes(path) && OWN.some((folder) => isBelow(path, folder));
}

/** Those of `paths` that are hidden folders, each with the real path of what it is: [[path, realPath]]. */
export function hiddenFolders(paths) {
  const hidden = new Map();
  // A file has no such entry.
  for (const path of paths.filter((each) => existsSync(`${each}/.`))) {
    const realPath = realpathSync(path);
    for (const each of [path, realPath]) if (isHidden(each)) hidden.set(each, realPath);
  }
  const others = [...hidden.keys()];
  // What lies in one of the others is shown with it.
  return [...hidden].filter(([path]) => !others.some((other) => isBelow(path, other)));
}
