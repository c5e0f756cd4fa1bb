// The echo server on operations alone: what TcpStream does, reduced to what an echo needs. One
// multishot accept, one multishot receive a connection, one send in flight a connection.
import { constants, TcpAcceptor } from 'proactor';

const { IORING_CQE_F_MORE, MSG_NOSIGNAL, MSG_WAITALL, ENOBUFS } = constants;

class EchoConnection {
  #proactor;
  #fd;
  #waiting = []; // received and not yet sent: offset, length, offset, length…
  #sending = false;
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
      if (this.#sending) this.#waiting.push(offset, result);
      else this.#send(offset, result);
      if (!more) this.#receive();
    } else if (result === -ENOBUFS) {
      this.#proactor.buffers.whenAvailable(() => this.#receive());
    } else {
      this.#ended = true;
      this.#closeWhenIdle();
    }
  };

  #send(offset, length) {
    const { buffers } = this.#proactor;
    this.#sending = true;
    this.#offset = offset;
    this.#proactor.send(
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
    this.#sending = false;
    if (result < 0) this.#proactor.shutdown(this.#fd, constants.SHUT_RDWR, () => {});
    if (this.#waiting.length > 0) this.#send(this.#waiting.shift(), this.#waiting.shift());
    else this.#closeWhenIdle();
  };

  #closeWhenIdle() {
    if (this.#ended && !this.#sending && !this.#receiving) this.#proactor.close(this.#fd, () => {});
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
