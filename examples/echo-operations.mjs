// The echo server on operations alone: what TcpStream does, reduced to what an echo needs. One
// multishot accept, one multishot receive a connection, one send in flight a connection.
import { constants, TcpAcceptor } from 'proactor';

const { IORING_CQE_F_MORE, MSG_NOSIGNAL, MSG_WAITALL, ENOBUFS } = constants;

class EchoConnection {
  #proactor;
  #fd;
  #waiting = []; // received and not yet sent: offset, length, offset, length…
  #sendId = 0; // of the send in flight
  #receiving = false;
  #ended = false;
  #offset = 0;

  constructor(proactor, fd) {
    this.#proactor = proactor;
    this.#fd = fd;
    this.#receive();
  }

  #receive() {
    this.#receiving = true;
    this.#proactor.recvMultishot(this.#fd, this.#proactor.buffers, 0, this.#onReceived);
  }

  #onReceived = (result, flags) => {
    const more = (flags & IORING_CQE_F_MORE) !== 0;
    this.#receiving = more;
    if (result > 0) {
      const offset = this.#proactor.buffers.take(result, flags);
      if (this.#sendId === 0) this.#send(offset, result);
      else this.#wait(offset, result);
      if (!more) this.#receive();
    } else if (result === -ENOBUFS) {
      this.#proactor.buffers.whenAvailable(() => this.#receive());
    } else {
      this.#ended = true;
      if (this.#sendId !== 0) this.#proactor.hastenCompletion(this.#sendId);
      this.#closeWhenIdle();
    }
  };

  #wait(offset, length) {
    this.#waiting.push(offset, length);
    this.#proactor.hastenCompletion(this.#sendId);
  }

  #send(offset, length) {
    const { buffers } = this.#proactor;
    this.#offset = offset;
    // While only memory waits for the end of this send, it may be told together with the next receive.
    if (this.#waiting.length === 0) this.#proactor.deferCompletion();
    this.#sendId = this.#proactor.send(
      this.#fd,
      buffers.memory,
      offset,
      length,
      MSG_NOSIGNAL | MSG_WAITALL,
      this.#onSent,
    );
  }

  #onSent = (result) => {
    this.#proactor.buffers.release(this.#offset);
    this.#sendId = 0;
    if (result < 0) this.#proactor.shutdown(this.#fd, constants.SHUT_RDWR, () => {});
    if (this.#waiting.length > 0) this.#send(this.#waiting.shift(), this.#waiting.shift());
    else this.#closeWhenIdle();
  };

  #closeWhenIdle() {
    if (this.#ended && this.#sendId === 0 && !this.#receiving)
      this.#proactor.close(this.#fd, () => {});
  }
}

/** Listens (an immediate call, for which the acceptor is handy) and accepts with an operation. */
export async function serveEchoWithOperations(proactor, options) {
  const acceptor = await TcpAcceptor.listen(proactor, options);
  const accept = () => {
    proactor.acceptMultishot(acceptor.fd, constants.SOCK_CLOEXEC, (result, flags) => {
      if (result >= 0) new EchoConnection(proactor, result);
      if ((flags & IORING_CQE_F_MORE) === 0 && !acceptor.closed) accept();
    });
  };
  accept();
  return acceptor;
}
