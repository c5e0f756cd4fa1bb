import { bufferBytesFor, type Driver, nativeCommand, nativeModes } from './driver.js';

export const asioUring: Driver = {
  name: 'asio-uring',
  description: 'Asio in C++, on io_uring: async_read_some and async_write',
  modes: nativeModes,
  collectsGarbage: false,
  command: (task) => {
    const buffer = ['--buffer-size', `${bufferBytesFor(task)}`];
    return nativeCommand(
      'asio_uring',
      task,
      buffer,
      'it needs Asio and liburing (Debian: libasio-dev, liburing-dev)',
    );
  },
};
