// Opening and binding sockets as node:net's handles do: results are 0 or -errno.
import type { Proactor } from '../proactor';
import { addon } from '../ring/binding';
import * as kernel from '../ring/kernel';
import {
  ADDRESS_BYTES,
  decodeAddress,
  type Endpoint,
  encodeEndpoint,
  type SocketAddress,
  type UnixEndpoint,
} from '../socket-address';

/** Node's flags of a bind. */
const IPV6_ONLY = 1;
const REUSE_PORT = 2;

export function openSocket(proactor: Proactor, family: number): number {
  return addon!.openSocket(family, kernel.SOCK_STREAM, 0, proactor.ring.descriptors.bits);
}

/** Another descriptor of a socket that a handle of Node's has: this package's, or -errno. */
export function takeSocket(proactor: Proactor, { fd }: { readonly fd: number }): number {
  return addon!.duplicate(fd, proactor.ring.descriptors.bits);
}

/** Of a numeric address. */
export function familyOf(address: string): number {
  return address.includes(':') ? kernel.AF_INET6 : kernel.AF_INET;
}

/** Binds a TCP socket. */
export function bindTcp(fd: number, endpoint: Endpoint, flags: number): number {
  const options: [level: number, name: number, value: number][] = [
    [kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1],
  ];
  if (flags & REUSE_PORT) options.push([kernel.SOL_SOCKET, kernel.SO_REUSEPORT, 1]);
  if (familyOf(endpoint.address) === kernel.AF_INET6)
    options.push([kernel.IPPROTO_IPV6, kernel.IPV6_V6ONLY, flags & IPV6_ONLY]);
  for (const [level, name, value] of options) {
    const result = addon!.setOption(fd, level, name, value);
    if (result < 0) return result;
  }
  const result = bindTo(fd, endpoint);
  return result === -kernel.EAFNOSUPPORT ? -kernel.EINVAL : result;
}

/** Binds to an address or a path. */
export function bindTo(fd: number, endpoint: Endpoint | UnixEndpoint): number {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  let length: number;
  try {
    length = encodeEndpoint(endpoint, bytes);
  } catch {
    return -kernel.EINVAL; // no numeric address, or a path that does not fit
  }
  return addon!.bind(fd, bytes, length);
}

/** Fills in an address as Node's handles do. */
export function localName(fd: number, out: Partial<SocketAddress>): number {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  return fillIn(out, bytes, addon!.localAddress(fd, bytes));
}

/** As `localName`, of the peer. */
export function peerName(fd: number, out: Partial<SocketAddress>): number {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  return fillIn(out, bytes, addon!.peerAddress(fd, bytes));
}

function fillIn(out: Partial<SocketAddress>, bytes: Uint8Array, length: number): number {
  if (length < 0) return length;
  const address = decodeAddress(bytes, length);
  if (address === undefined) return -kernel.EINVAL;
  const { address: text, family, port } = address;
  Object.assign(out, { address: text, family, port });
  return 0;
}
