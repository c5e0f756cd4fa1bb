// Host names to numeric addresses, through Node's own resolver (which uses its thread pool: there
// is no operation for it).
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Numeric addresses of a host, in the order in which the resolver wants them tried. */
export async function resolveHost(host: string, family: 0 | 4 | 6): Promise<readonly string[]> {
  // An IPv6 address may carry a scope ("%eth0"), which isIP accepts.
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true, family });
  return found.map(({ address }) => address);
}
