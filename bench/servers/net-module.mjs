// What servers of node:net's API run on: node:net, or this package in its place. Nothing else of them depends on it.
import * as node from 'node:net';

export const netOptions = {
  net: { type: 'string', default: 'node' },
  dispatch: { type: 'string' },
};

/**
 * The module of that name, and `attach`, which lets a server that node:http made run on it. Throws where proactor/net
 * could be but node:net here: it would be measured under the wrong name.
 */
export async function chooseNet({ net, dispatch }) {
  if (net === 'node') return { ...node, attach() {} };
  if (net !== 'proactor') throw new Error(`--net ${net}: there is node, proactor`);
  const { Proactor } = await import('proactor');
  const module = await import('proactor/net');
  if (!module.usesProactor) throw new Error(module.fallbackReason);
  const proactor = new Proactor({ dispatch });
  module.useProactor(proactor);
  const { takeConnections } = await import('../../dist/net/server.js');
  const { contextOf } = await import('../../dist/net/context.js');
  return { ...module, attach: (server) => takeConnections(server, () => contextOf(proactor)) };
}
