// The handle of a Unix domain socket. Node's has no names of its ends, nor TCP's options.
import * as kernel from '../ring/kernel';
import { ConnectingHandle, type ConnectRequest } from './connecting-handle';
import { type NodeHandle, nodeMajor } from './node-internals';
import { bindTo } from './socket-setup';

const PATH_MAX = 108;
// Node 22 refuses a path with a NUL in it, and Node 24 one that is too long.
const cutsAtNul = nodeMajor < 22;
const cutsAtMost = nodeMajor < 24;

// As older versions do: a file's path ends at a NUL and at the latest where the address does, whatever that is then.
function cut(path: string): string {
  if (path[0] === '\0' || !cutsAtMost) return path;
  const [name = ''] = cutsAtNul ? path.split('\0', 1) : [path];
  const bytes = Buffer.from(name);
  return bytes.length <= PATH_MAX ? name : bytes.subarray(0, PATH_MAX).toString();
}

export class PipeHandle extends ConnectingHandle {
  private bound: NodeHandle | undefined; // removes the socket's file when it is closed

  protected override adopted(bound: NodeHandle): void {
    this.bound = bound;
  }

  override close(closed?: () => void): void {
    this.bound?.close();
    this.bound = undefined;
    super.close(closed);
  }

  bind(path: string): number {
    const opened = this.ensureSocket(kernel.AF_UNIX);
    return opened < 0 ? opened : bindTo(this.descriptor, { path });
  }

  connect(request: ConnectRequest, path: string): number {
    return this.connectTo(request, kernel.AF_UNIX, { path: cut(path) });
  }
}
