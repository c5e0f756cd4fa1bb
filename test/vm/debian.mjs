// Fetches packages of Debian's and unpacks them into folders of their own: nothing is installed on the host.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  findProgram,
  missingPrograms,
  notInstalled,
  outputOf,
  UsageError,
  WORK_FOLDER,
} from './tools.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export function unpack(packageFile, folder) {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  outputOf('dpkg-deb', ['-x', packageFile, partial]);
  renameSync(partial, folder);
}

/** The Debian mirror that this machine's apt uses, or undefined. */
function mirror() {
  if (process.env.DEBIAN_MIRROR) return process.env.DEBIAN_MIRROR;
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)';
  const targets = outputOf('apt-get', ['indextargets', '--format', format]).split('\n');
  return targets.find((target) => target.startsWith('Debian Debian '))?.split(' ')[2];
}

/** What fetching a package lacks here, in words. */
export function missingForFetch() {
  const missing = missingPrograms(['apt-get', 'dpkg-deb']);
  if (!existsSync(KEYRING)) missing.push(notInstalled(KEYRING, 'debian-archive-keyring'));
  if (findProgram('apt-get') && !mirror())
    missing.push('apt knows no Debian mirror here: give one in DEBIAN_MIRROR');
  return missing;
}

/**
 * Fetches the package of a suite that `choose` names, for an architecture in Debian's name for it, and unpacks it.
 * `choose` is given a function that lists the packages which one depends on.
 */
export function fetchPackage({ suite, arch, choose }, folder) {
  process.stderr.write(`vm: fetching a package of Debian's ${suite} for ${arch}, this once\n`);
  const apt = join(WORK_FOLDER, `apt-${suite}-${arch}`);
  rmSync(apt, { recursive: true, force: true });
  mkdirSync(join(apt, 'lists/partial'), { recursive: true });
  mkdirSync(join(apt, 'cache/archives/partial'), { recursive: true });
  const source = `deb [arch=${arch} signed-by=${KEYRING}] ${mirror()} ${suite} main\n`;
  writeFileSync(join(apt, 'sources.list'), source);
  writeFileSync(join(apt, 'status'), '');
  // With a state of apt's own, so that the host's sources and lists stay as they are.
  const settings = {
    'Dir::Etc::SourceList': join(apt, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': apt,
    'Dir::State::Lists': join(apt, 'lists'),
    'Dir::State::Status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Architecture': arch,
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const run = (program, ...args) => outputOf(program, [...options, ...args], { cwd: apt });
  run('apt-get', '-qq', 'update');
  const dependsOf = (name) =>
    [...run('apt-cache', 'depends', name).matchAll(/Depends: ([^\s:]+)/g)].map(
      ([, other]) => other,
    );
  const chosen = choose(dependsOf);
  if (!chosen) throw new UsageError(`there is no such package for ${arch} in ${suite}`);
  run('apt-get', '-qq', 'download', chosen);
  unpack(join(apt, only(apt, /\.deb$/)), folder);
  rmSync(apt, { recursive: true });
}

/** The one file of a folder whose name is like that. */
export function only(folder, pattern) {
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name)) : [];
  if (found.length === 1) return found[0];
  throw new UsageError(`${folder} has ${found.length} of ${pattern}: is it the right package?`);
}
