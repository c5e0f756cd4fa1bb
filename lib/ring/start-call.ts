// Which call of start() refused: the addon tells the error alone, and each of its calls has its own.
import { EAGAIN, EMFILE, ENFILE } from './kernel';

/** An eventfd is made, then it is polled, or a thread is started that enables the ring. */
export function callOfStart(error: number, threaded: boolean): string {
  if (error === -EMFILE || error === -ENFILE) return 'eventfd';
  if (!threaded) return 'epoll_ctl';
  return error === -EAGAIN ? 'pthread_create' : 'io_uring_register';
}
