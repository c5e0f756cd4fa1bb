// The handle of a TCP socket.
import { networkInterfaces } from 'node:os';
import { addon } from '../ring/binding';
import * as kernel from '../ring/kernel';
import type { SocketAddress } from '../socket-address';
import { ConnectingHandle, type ConnectRequest } from './connecting-handle';
import { nodeMajor } from './node-internals';
import { bindTcp, familyOf, localName, peerName } from './socket-setup';

// Node's own, for a peer that does not answer probes.
const PROBE_INTERVAL_SECONDS = 1;
const PROBE_COUNT = 10;

const LINK_LOCAL = /^fe[89ab][0-9a-f]:[^%]*$/i; // without a scope

/**
 * A link-local address without a scope is one of the first network that has such addresses, to the libuv of Node 22 and
 * newer. Node 20 fails.
 */
function withScope(address: string): string {
  if (nodeMajor < 22 || !LINK_LOCAL.test(address)) return address;
  const own = Object.values(networkInterfaces()).flat();
  const scope = own.find((each) => each?.family === 'IPv6' && each.scopeid !== 0);
  return scope?.family === 'IPv6' ? `${address}%${scope.scopeid}` : address;
}

export class TcpHandle extends ConnectingHandle {
  bind(address: string, port?: number, flags = 0): number {
    return this.bindIn(kernel.AF_INET, address, port, flags);
  }

  bind6(address: string, port?: number, flags = 0): number {
    return this.bindIn(kernel.AF_INET6, address, port, flags);
  }

  private bindIn(family: number, address: string, port = 0, flags: number): number {
    if (family !== familyOf(address)) return -kernel.EINVAL;
    const opened = this.ensureSocket(family);
    return opened < 0 ? opened : bindTcp(this.descriptor, { address, port }, flags);
  }

  connect(request: ConnectRequest, address: string, port: number): number {
    return this.connectIn(request, kernel.AF_INET, address, port);
  }

  connect6(request: ConnectRequest, address: string, port: number): number {
    return this.connectIn(request, kernel.AF_INET6, withScope(address), port);
  }

  private connectIn(
    request: ConnectRequest,
    family: number,
    address: string,
    port: number,
  ): number {
    if (family !== familyOf(address)) return -kernel.EINVAL;
    return this.connectTo(request, family, { address, port });
  }

  getsockname(out: Partial<SocketAddress>): number {
    return localName(this.descriptor, out);
  }

  getpeername(out: Partial<SocketAddress>): number {
    return peerName(this.descriptor, out);
  }

  setNoDelay(noDelay: boolean): number {
    return this.setOption(kernel.IPPROTO_TCP, kernel.TCP_NODELAY, noDelay ? 1 : 0);
  }

  /** Delay and interval in seconds. */
  setKeepAlive(
    keepAlive: boolean,
    delay = 0,
    interval = PROBE_INTERVAL_SECONDS,
    count = PROBE_COUNT,
  ): number {
    const result = this.setOption(kernel.SOL_SOCKET, kernel.SO_KEEPALIVE, keepAlive ? 1 : 0);
    if (result < 0 || !keepAlive || delay <= 0) return result;
    const { IPPROTO_TCP, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT } = kernel;
    for (const [name, value] of [
      [TCP_KEEPIDLE, delay],
      [TCP_KEEPINTVL, interval],
      [TCP_KEEPCNT, count],
    ] as const) {
      const failure = this.setOption(IPPROTO_TCP, name, value);
      if (failure < 0) return failure;
    }
    return 0;
  }

  setTypeOfService(value: number): number {
    const [level, name] = this.typeOfService;
    return this.setOption(level, name, value);
  }

  getTypeOfService(): number {
    const [level, name] = this.typeOfService;
    return addon!.getOption(this.descriptor, level, name) ?? -kernel.EBADF;
  }

  private get typeOfService(): readonly [level: number, name: number] {
    const own: Partial<SocketAddress> = {};
    localName(this.descriptor, own);
    return own.family === 'IPv6'
      ? [kernel.IPPROTO_IPV6, kernel.IPV6_TCLASS]
      : [kernel.IPPROTO_IP, kernel.IP_TOS];
  }

  private setOption(level: number, name: number, value: number): number {
    return this.descriptor < 0
      ? -kernel.EBADF
      : addon!.setOption(this.descriptor, level, name, value);
  }
}
