import { type Driver, nativeCommand, nativeModes } from './driver.js';

export const cEpoll: Driver = {
  name: 'c-epoll',
  description: 'C++ on epoll, edge-triggered',
  modes: nativeModes,
  collectsGarbage: false,
  command: (task) => nativeCommand('c_epoll', task),
};
