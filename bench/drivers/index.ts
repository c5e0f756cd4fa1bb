// All drivers of the echo benchmark, in the order of the report.
import { cEpoll } from './c-epoll.js';
import { cUring } from './c-uring.js';
import type { EchoDriver } from './driver.js';
import { nodeNet } from './node-net.js';
import { proactorLoop } from './proactor-loop.js';
import { proactorOperations } from './proactor-operations.js';
import { proactorThread } from './proactor-thread.js';

export const drivers: readonly EchoDriver[] = [
  proactorLoop,
  proactorThread,
  proactorOperations,
  nodeNet,
  cEpoll,
  cUring,
];

export const driverNames: readonly string[] = drivers.map((driver) => driver.name);
