// What a test's source says of how it has to be run, and whether it reaches for what is no public API.

// As test/common does it: in the beginning of the file, behind a copyright notice if there is one.
const FLAGS = /^\/\/ Flags:\s+(--.*)$/m;

/** The arguments for node that a test asks for. */
export function flagsOf(source) {
  const flags = FLAGS.exec(source.slice(0, 1500))?.[1];
  return flags === undefined ? [] : flags.trim().split(/\s+/);
}

// Node's modules behind a connection. Others that --expose-internals lays open, such as internal/timers, are the same
// whatever makes the connections.
const MODULES =
  'net|js_stream_socket|stream_base_commons|socketaddress|cluster|child_process|async_hooks';

const internals = [
  ['internalBinding', /\binternalBinding\b/],
  ['process.binding', /\bprocess\.binding\b/],
  ['internal modules', new RegExp(`['"]internal/(?:${MODULES})\\b`)],
  ['_handle', /\b_handle\b/],
];

/** What a test touches that is not public and has to do with connections, by name. */
export function internalsOf(source) {
  return internals.filter(([, pattern]) => pattern.test(source)).map(([name]) => name);
}
