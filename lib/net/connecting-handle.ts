// A stream handle that can connect: from an endpoint to a connected socket, told through Node's request.
import { connect } from '../own-operations';
import { cancelOperation } from '../ring/cancel';
import type { OperationId } from '../ring/handler-table';
import { EALREADY, ECANCELED, EINVAL } from '../ring/kernel';
import type { Endpoint, UnixEndpoint } from '../socket-address';
import { setImmediate } from '../timers';
import type { NodeHandle } from './node-internals';
import type { Request } from './node-objects';
import { openSocket, takeSocket } from './socket-setup';
import { StreamHandle } from './stream-handle';

export type ConnectRequest = Request;

export abstract class ConnectingHandle extends StreamHandle {
  private connectId: OperationId = 0;

  /** Makes the socket unless there is one: 0 or -errno. */
  protected ensureSocket(family: number): number {
    if (this.descriptor >= 0) return 0;
    const fd = openSocket(this.context.proactor, family);
    if (fd >= 0) this.descriptor = fd;
    return Math.min(fd, 0);
  }

  /** Takes over the bound socket of a handle of Node's: 0 or -errno. */
  adopt(bound: NodeHandle): number {
    const fd = takeSocket(this.context.proactor, bound);
    if (fd < 0) return fd;
    this.descriptor = fd;
    this.adopted(bound);
    return 0;
  }

  protected adopted(bound: NodeHandle): void {
    bound.close();
  }

  protected connectTo(
    request: ConnectRequest,
    family: number,
    endpoint: Endpoint | UnixEndpoint,
  ): number {
    if (this.connectId !== 0) return -EALREADY;
    if (this.reception !== null) {
      // Linux lets a socket that connected in the background connect once more, and Node says so again.
      setImmediate(() => this.tellConnected(request, 0));
      return 0;
    }
    const opened = this.ensureSocket(family);
    if (opened < 0) return opened;
    const { descriptor } = this;
    try {
      const done = (result: number): void => this.connectDone(request, result, descriptor);
      this.connectId = connect(this.context.proactor.ring, done, descriptor, endpoint);
    } catch (error) {
      const { code, errno } = error as { code?: string; errno?: number };
      if (code === 'ERR_INVALID_ARG_VALUE') return -EINVAL;
      if (errno !== undefined) return errno;
      throw error;
    }
    this.connecting = true;
    if (!this.hasRef()) this.context.proactor.ring.setReferenced(this.connectId, false);
    return 0;
  }

  private connectDone(request: ConnectRequest, result: number, descriptor: number): void {
    if (descriptor !== this.descriptor) {
      this.context.proactor.ring.closeDescriptor(descriptor); // given up by reopen()
      return;
    }
    this.connectId = 0;
    this.connecting = false;
    const status = this.closing ? -ECANCELED : result;
    if (status === 0) this.connected();
    else if (this.closing) this.closeUnconnected();
    this.tellConnected(request, status);
  }

  private tellConnected(request: ConnectRequest, status: number): void {
    const { oncomplete } = request;
    if (oncomplete !== undefined)
      this.inScope(oncomplete, request, status, this, request, true, true);
  }

  /** Gives up the attempt to connect, whatever became of it, and is as new, for the next one. */
  reopen(): void {
    const { connectId, descriptor } = this;
    const { proactor } = this.context;
    this.connectId = 0;
    this.descriptor = -1;
    this.forgetAttempt();
    // What is in flight keeps its descriptor until it completes.
    if (connectId !== 0) cancelOperation(proactor.ring, connectId);
    else if (descriptor >= 0) proactor.ring.closeDescriptor(descriptor);
  }

  /** Asked by agents of HTTP before they use a connection again that they kept. */
  hasPendingRead(): boolean {
    return this.reception !== null && !this.closing && this.reception.isPending;
  }

  override close(closed?: () => void): void {
    super.close(closed);
    if (this.connectId !== 0) cancelOperation(this.context.proactor.ring, this.connectId);
  }

  /** It is connected, and not about to end. */
  get canLeave(): boolean {
    return this.reception !== null && !this.closing && this.onShutdown === null;
  }

  /** Nothing came and nothing was written since. */
  get isUnused(): boolean {
    return this.canLeave && this.reception!.isUntouched && this.bytesWritten === 0;
  }

  /**
   * Leaves the connection to who has another descriptor of it: the peer is told nothing, and all that was written is
   * sent. `left` gets what came and nobody took, and -errno if receiving failed then, once nothing is received here.
   */
  leave(left: (rest: Buffer, failure: number) => void): void {
    const reception = this.reception!;
    this.owner = undefined;
    reception.keepRest();
    const tell = (): void => {
      if (reception.inFlight) {
        setImmediate(tell); // closing does not wait for it while something is to be sent
        return;
      }
      const rest = reception.takeRest();
      const held = this.userBuffer?.take();
      left(held === undefined ? rest : Buffer.concat([held, rest]), reception.failureBehind);
    };
    this.closeHere(tell);
  }

  /** Sends what waits to be sent: true if that is all with the kernel now. */
  sendsAll(): boolean {
    this.sendNow(0);
    return this.sent === this.bytesWritten;
  }

  override ref(): void {
    super.ref();
    if (this.connectId !== 0) this.context.proactor.ring.setReferenced(this.connectId, true);
  }

  override unref(): void {
    super.unref();
    if (this.connectId !== 0) this.context.proactor.ring.setReferenced(this.connectId, false);
  }
}
