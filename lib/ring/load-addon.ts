// Finds and loads the addon's binary, without running a program and without throwing: the package
// must be importable everywhere. Knows nothing of what the addon exports (that is binding.ts).
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

export type LoadResult =
  | { readonly addon: unknown; readonly file: string; readonly error?: undefined }
  | { readonly addon?: undefined; readonly error: Error };

const packageRoot = path.resolve(__dirname, '..', '..');

/** The C library of this process: a musl process has musl's loader mapped. */
function libcName(): 'glibc' | 'musl' {
  try {
    return readFileSync('/proc/self/maps', 'latin1').includes('ld-musl-') ? 'musl' : 'glibc';
  } catch {
    return 'glibc';
  }
}

/**
 * Loads `PROACTOR_ADDON` (a path, for sanitizer builds), else `build/Release/proactor.node` (a
 * checkout: what was built last wins over an older prebuilt binary), else
 * `prebuilds/linux-<arch>/proactor.<libc>.node`.
 */
export function loadAddon(): LoadResult {
  const { platform, arch } = process;
  if (platform !== 'linux') {
    return { error: new Error(`proactor needs Linux (io_uring); this is ${platform}-${arch}`) };
  }
  const libc = libcName();
  const prebuilt = path.join('prebuilds', `linux-${arch}`, `proactor.${libc}.node`);
  const override = process.env['PROACTOR_ADDON'];
  const candidates = override
    ? [path.resolve(override)]
    : [path.join('build', 'Release', 'proactor.node'), prebuilt].map((name) =>
        path.join(packageRoot, name),
      );
  const file = candidates.find((candidate) => existsSync(candidate));
  const host = `linux-${arch} (${libc})`;
  if (file === undefined) {
    const remedy = override
      ? 'PROACTOR_ADDON names a file that does not exist'
      : 'in a checkout run "npm run build:addon"; an installed package has binaries for the systems its README lists';
    return {
      error: new Error(
        `no proactor binary for ${host}: ${remedy} (looked for ${candidates.join(', ')})`,
      ),
    };
  }
  try {
    return { addon: require(file), file };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { error: new Error(`cannot load ${file} on ${host}: ${reason}`, { cause }) };
  }
}
