// The handle of a Unix domain socket. Node's has no names of its ends, nor TCP's options.
import * as kernel from '../ring/kernel';
import { ConnectingHandle, type ConnectRequest } from './connecting-handle';
import { bindTo } from './socket-setup';

export class PipeHandle extends ConnectingHandle {
  bind(path: string): number {
    const opened = this.ensureSocket(kernel.AF_UNIX);
    return opened < 0 ? opened : bindTo(this.descriptor, { path });
  }

  connect(request: ConnectRequest, path: string): number {
    return this.connectTo(request, kernel.AF_UNIX, { path });
  }
}
