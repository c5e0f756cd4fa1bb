// Sockets and servers that go to other processes: with `send()` of a child or of the process, and as a child's
// `stdio`. Native code of Node's takes their handles there, so they are handed over to Node before.
import { ChildProcess } from 'node:child_process';
import { handOver } from './hand-over';

type Send = (this: unknown, ...args: unknown[]) => boolean;

interface Child {
  send?: Send | undefined;
  spawn(this: Child, options?: { stdio?: unknown }): unknown;
}

function sending(send: Send): Send {
  return function (this, message, value, ...rest) {
    return send.call(this, message, handOver(value), ...rest);
  };
}

/** From now on sockets and servers of this module can go to children that are started, and to the parent. */
export function letGoToOthers(): void {
  const children = ChildProcess.prototype as unknown as Child;
  const { spawn } = children;
  children.spawn = function (options) {
    if (Array.isArray(options?.stdio)) options.stdio = options.stdio.map(handOver);
    const result = spawn.call(this, options);
    if (this.send !== undefined) this.send = sending(this.send);
    return result;
  };
  if (process.send !== undefined)
    process.send = sending(process.send as Send) as typeof process.send;
}
