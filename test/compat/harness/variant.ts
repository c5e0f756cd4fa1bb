// The modules that are compared: Node's, and this package's on each dispatcher.
import * as nodeNet from 'node:net';

export type Net = typeof nodeNet;

export interface Variant {
  readonly name: string;
  readonly net: Net;
  /** Operations that the proactor was given. */
  submitted(): number;
}

/** 'node', 'loop' or 'thread'. */
export function variantNamed(name: string): Variant {
  if (name === 'node') return { name, net: nodeNet, submitted: () => 0 };
  const { Proactor } = require('proactor') as typeof import('proactor');
  const net = require('proactor/net') as typeof import('proactor/net');
  if (!net.usesProactor) throw new Error(`proactor/net is node:net here: ${net.fallbackReason}`);
  const proactor = new Proactor({ dispatch: name as 'loop' | 'thread' });
  net.useProactor(proactor);
  return { name, net: net as unknown as Net, submitted: () => proactor.stats().submitted };
}
