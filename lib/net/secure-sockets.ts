// TLS that is put on a socket of this module. Node's TLS reads from the socket's handle natively, and its native
// side is told of a failure there. A handle of ours cannot do that: it knows the TLS socket on top, and tells that.
import { TLSSocket } from 'node:tls';
import { StreamHandle } from './stream-handle';

type WrapHandle = (this: TLSSocket, wrap: unknown, handle: unknown, ...rest: unknown[]) => unknown;

/** From now on handles of this module know which TLS socket reads from them. */
export function knowSecureSockets(): void {
  const { prototype } = TLSSocket as unknown as { prototype: { _wrapHandle?: WrapHandle } };
  const wrapHandle = prototype._wrapHandle;
  if (wrapHandle === undefined) return;
  prototype._wrapHandle = function (wrap, handle, ...rest) {
    const result = wrapHandle.call(this, wrap, handle, ...rest);
    if (handle instanceof StreamHandle) handle.secure = this;
    return result;
  };
}
