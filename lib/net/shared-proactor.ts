// The proactor that sockets and servers of this thread run on.
import { checkProactor, Proactor } from '../proactor';

let current: Proactor | undefined;

/** Made when it is first needed. */
export function currentProactor(): Proactor {
  if (current === undefined || current.disposed) current = new Proactor();
  return current;
}

/**
 * Sockets and servers that this thread makes from now on run on `proactor`, instead of on one that the
 * module makes when it needs one. It stays the caller's to dispose of; once it is, the module makes one
 * of its own again.
 *
 * @throws ERR_INVALID_ARG_TYPE.
 */
export function useProactor(proactor: Proactor): void {
  checkProactor(proactor);
  current = proactor;
}
