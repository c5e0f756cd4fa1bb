// What servers of node:net's API run on: node:net, or this package in its place. Nothing else of them depends on it.
import * as node from 'node:net';
import { announce, collectOnRequest } from './common.mjs';

const backlog = 4096;

export const netOptions = {
  net: { type: 'string', default: 'node' },
  dispatch: { type: 'string' },
};

/**
 * The module of that name, and `attach`, by which a server of another module of Node runs on it. Throws where
 * proactor/net could be but node:net here: it would be measured under the wrong name.
 */
export async function chooseNet({ net, dispatch }) {
  if (net === 'node') return { ...node, attach: (server) => server };
  if (net !== 'proactor') throw new Error(`--net ${net}: there is node, proactor`);
  const { Proactor } = await import('proactor');
  const module = await import('proactor/net');
  if (!module.usesProactor) throw new Error(module.fallbackReason);
  module.useProactor(new Proactor({ dispatch }));
  const { attach } = await import('proactor/http');
  return { ...module, attach };
}

/** Lets a server listen, and the process do what the benchmark asks of it. */
export function listen(server) {
  server.listen({ host: '127.0.0.1', port: 0, backlog }, () => {
    const { address, port } = server.address();
    announce(address, port);
  });
  collectOnRequest(globalThis.gc);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}
