// Socket addresses: text and port to the kernel's structures and back.
import { invalidArgValue } from './errors';
import { addon, type DecodedAddress } from './ring/binding';
import { AF_UNIX } from './ring/kernel';
import { checkObject, checkPort, checkString } from './validate';

/** Room for any socket address (struct sockaddr_storage). */
export const ADDRESS_BYTES = 128;

/** A socket address as text: IPv4 or IPv6, numeric. */
export interface Endpoint {
  /** Numeric: no name is looked up. */
  readonly address: string;
  /** From 0 to 65535. */
  readonly port: number;
}

/** The address of a Unix domain socket, unix(7). */
export interface UnixEndpoint {
  /** A file's path; with a leading NUL, a name in the abstract namespace. */
  readonly path: string;
}

const UNIX_PATH_BYTES = 108; // of struct sockaddr_un

/** The address of one end of a connection. */
export interface SocketAddress {
  /** Numeric; an IPv6 address that needs a scope has it (`fe80::1%eth0`). */
  readonly address: string;
  /** Of the address. */
  readonly family: 'IPv4' | 'IPv6';
  /** From 0 to 65535. */
  readonly port: number;
}

/** Writes the endpoint's socket address into `bytes` and returns its length. */
export function encodeEndpoint(endpoint: Endpoint | UnixEndpoint, bytes: Uint8Array): number {
  checkObject(endpoint, 'endpoint');
  return 'path' in endpoint ? encodeUnixAddress(endpoint, bytes) : encodeAddress(endpoint, bytes);
}

/** Writes a sockaddr_un into `bytes` and returns its length. */
export function encodeUnixAddress({ path }: UnixEndpoint, bytes: Uint8Array): number {
  const name = Buffer.from(checkString(path, 'path'));
  const isAbstract = name[0] === 0;
  // A file's path ends with a NUL, an abstract name with the address.
  if (name.length === 0 || name.length > UNIX_PATH_BYTES || (!isAbstract && name.includes(0))) {
    const most = `must have from 1 to ${UNIX_PATH_BYTES} bytes, and a NUL as the first of them at the most`;
    throw invalidArgValue('path', path, most);
  }
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = AF_UNIX;
  bytes.set(name, 2);
  if (isAbstract) return 2 + name.length;
  bytes[2 + name.length] = 0;
  return 2 + Math.min(name.length + 1, UNIX_PATH_BYTES);
}

/** Writes a sockaddr_in or sockaddr_in6 into `bytes` and returns its length. */
export function encodeAddress(endpoint: Endpoint, bytes: Uint8Array): number {
  checkObject(endpoint, 'endpoint');
  const { address, port } = endpoint;
  checkString(address, 'address');
  const length = addon!.encodeAddress(address, checkPort(port, 'port'), bytes);
  if (length < 0)
    throw invalidArgValue('address', address, 'must be a numeric IPv4 or IPv6 address');
  return length;
}

/** Reads a socket address of `length` bytes; undefined for families other than IPv4 and IPv6. */
export function decodeAddress(bytes: Uint8Array, length: number): SocketAddress | undefined {
  const decoded: DecodedAddress | undefined = addon!.decodeAddress(bytes, length);
  if (decoded === undefined) return undefined;
  const { address, family, port } = decoded;
  return { address, family: family === 4 ? 'IPv4' : 'IPv6', port };
}
