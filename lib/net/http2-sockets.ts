// HTTP/2 in clear on a socket of this module.
import { ConnectingHandle } from './connecting-handle';
import { openNative, replaceHandle } from './native-handles';
import type { HandleOwner } from './node-objects';

/** Called when HTTP/2 is about to take a socket. One that was in use before stays ours. */
export function giveToHttp2(socket: HandleOwner & { _handle?: unknown }): void {
  const { _handle: handle } = socket;
  if (!(handle instanceof ConnectingHandle)) return;
  if (socket.connecting) {
    socket.prependOnceListener('connect', () => giveToHttp2(socket));
    return;
  }
  if (!handle.isUnused) return;
  const native = openNative(socket, handle);
  if (native === undefined) return;
  replaceHandle(socket, handle, native, () => {});
  if (native.reading) native.readStart();
}
