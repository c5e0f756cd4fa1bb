// What it says when accepting fails, and what is to be done about it.
import * as kernel from '../ring/kernel';

/** After a failure that passes: how long until it is tried again. What could not be accepted stays in the backlog. */
export const RETRY_MS = 100;

const IGNORED = [-kernel.ECANCELED, -kernel.ECONNABORTED, -kernel.EINTR, -kernel.EAGAIN];
// The process or the system ran out of descriptors or memory.
const EXHAUSTED = [-kernel.EMFILE, -kernel.ENFILE, -kernel.ENOBUFS, -kernel.ENOMEM];
// The descriptor is no listening socket any more: accepting would fail for ever.
const LASTING = [-kernel.EBADF, -kernel.EINVAL, -kernel.ENOTSOCK, -kernel.EOPNOTSUPP];

/**
 * `ignored`: nobody needs to know, it goes on at once. `exhausted` and `passing` (the network's failures,
 * accept(2)): it is tried again after RETRY_MS. `lasting`: never.
 */
export function kindOfFailure(result: number): 'ignored' | 'exhausted' | 'passing' | 'lasting' {
  if (IGNORED.includes(result)) return 'ignored';
  if (EXHAUSTED.includes(result)) return 'exhausted';
  return LASTING.includes(result) ? 'lasting' : 'passing';
}
