import { bufferBytesFor, type Driver, nativeCommand, nativeModes } from './driver.js';

export const asioEpoll: Driver = {
  name: 'asio-epoll',
  description: 'Asio in C++, on epoll: async_read_some and async_write',
  modes: nativeModes,
  collectsGarbage: false,
  command: (task) => {
    const buffer = ['--buffer-size', `${bufferBytesFor(task)}`];
    return nativeCommand('asio_epoll', task, buffer, 'it needs Asio (Debian: libasio-dev)');
  },
};
