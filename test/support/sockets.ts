// Sockets on the loopback interface, made with the addon's immediate system calls and closed after the test.
import { constants, type Proactor } from 'proactor';
import { addon as maybeAddon } from '#lib/ring/binding';
import { decodeAddress, encodeAddress } from '#lib/socket-address';
import { atEnd } from './cleanup';

const addon = maybeAddon!;
const SOCK_DGRAM = 2;

function checked(result: number): number {
  if (result < 0) throw new Error(`a socket call failed with ${result}`);
  return result;
}

const owned = new Set<number>();

/** Has `fd` closed after the test, unless the test itself closes it: `disown`. */
export function own(fd: number): number {
  owned.add(fd);
  atEnd(() => {
    if (owned.delete(fd)) addon.closeDescriptor(fd);
  });
  return fd;
}

export function disown(fd: number): number {
  owned.delete(fd);
  return fd;
}

function socket(type: number, family = constants.AF_INET): number {
  return own(checked(addon.openSocket(family, type, 0)));
}

export const tcpSocket = (family?: number): number => socket(constants.SOCK_STREAM, family);

export function bind(fd: number, address = '127.0.0.1', port = 0): number {
  const bytes = new Uint8Array(128);
  checked(addon.bind(fd, bytes, encodeAddress({ address, port }, bytes)));
  return portOf(fd);
}

export function portOf(fd: number): number {
  const bytes = new Uint8Array(128);
  return decodeAddress(bytes, checked(addon.localAddress(fd, bytes)))!.port;
}

export interface Bound {
  readonly fd: number;
  readonly port: number;
}

export function listener(backlog = 128): Bound {
  const fd = tcpSocket();
  const port = bind(fd);
  checked(addon.listen(fd, backlog));
  return { fd, port };
}

export function udpSocket(): Bound {
  const fd = socket(SOCK_DGRAM);
  return { fd, port: bind(fd) };
}

/** A port on which nobody listens: bound for a moment, and free again. */
export function unusedPort(): number {
  const fd = tcpSocket();
  const port = bind(fd);
  addon.closeDescriptor(disown(fd));
  return port;
}

/** Closing `fd` resets its connection. */
export function resetOnClose(fd: number): void {
  checked(addon.setLinger(fd, true, 0));
}

export interface Pair {
  readonly near: number;
  readonly far: number;
}

/** Two ends of one TCP connection. */
export async function tcpPair(proactor: Proactor): Promise<Pair> {
  const { fd, port } = listener();
  const near = tcpSocket();
  const accepted = proactor.accept(fd);
  await proactor.connect(near, { address: '127.0.0.1', port });
  const far = own(await accepted);
  addon.closeDescriptor(disown(fd));
  return { near, far };
}

export function setOption(fd: number, level: number, name: number, value: number): void {
  checked(addon.setOption(fd, level, name, value));
}
