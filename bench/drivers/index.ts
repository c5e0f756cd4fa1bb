// All drivers, in the order of the report.
import { asioEpoll } from './asio-epoll.js';
import { asioUring } from './asio-uring.js';
import { bun } from './bun.js';
import { cEpoll } from './c-epoll.js';
import { cUring } from './c-uring.js';
import { deno } from './deno.js';
import type { Driver, Mode } from './driver.js';
import { nodeNet } from './node-net.js';
import { proactorEventfd } from './proactor-eventfd.js';
import { proactorLoop } from './proactor-loop.js';
import { proactorNet } from './proactor-net.js';
import { proactorNetThread } from './proactor-net-thread.js';
import { proactorOperations } from './proactor-operations.js';
import { proactorOperationsThread } from './proactor-operations-thread.js';
import { proactorThread } from './proactor-thread.js';

export const drivers: readonly Driver[] = [
  proactorLoop,
  proactorThread,
  proactorEventfd,
  proactorOperations,
  proactorOperationsThread,
  proactorNet,
  proactorNetThread,
  nodeNet,
  bun,
  deno,
  cEpoll,
  cUring,
  asioEpoll,
  asioUring,
];

/** The drivers that can take part where a server has to master these modes. */
export function driversFor(modes: readonly Mode[]): readonly Driver[] {
  return drivers.filter((driver) => modes.every((mode) => driver.modes.includes(mode)));
}

/** Those of them that master the modes over TLS as well. */
export function tlsDriversFor(modes: readonly Mode[]): readonly Driver[] {
  return driversFor(modes).filter((driver) => driver.speaksTls);
}
