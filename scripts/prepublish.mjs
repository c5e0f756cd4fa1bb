// npm's `prepublishOnly`: this folder has no binaries but this machine's, so that it is never what is published.
import { fail } from './common.mjs';

fail(
  'a checkout is not published: "npm run release:assemble" makes a tarball with every binary, and ' +
    '"npm run release:publish" publishes that (CONTRIBUTING.md, Releases)',
);
