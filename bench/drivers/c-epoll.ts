import { nativeProgram } from '../paths.js';
import type { EchoDriver } from './driver.js';

export const cEpoll: EchoDriver = {
  name: 'c-epoll',
  description: 'C++ on epoll, edge-triggered',
  command: () => [nativeProgram('c_epoll')],
};
