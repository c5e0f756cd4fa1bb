// The whole native interface, typed. Arguments are checked before they come here; results are
// numbers >= 0 or -errno.
import { type LoadFailure, loadAddon } from './load-addon';

export interface NativeMemory {
  readonly buffer: ArrayBuffer;
  readonly addressLow: number;
  readonly addressHigh: number;
  /** Keeps the mapping alive as long as it is referenced, whatever becomes of `buffer`. */
  readonly handle: object;
}

/**
 * What start() hands over. The offsets (bytes within `completions`) are there in loop dispatch
 * only.
 */
export interface RingMemory {
  readonly control: ArrayBuffer;
  readonly submissions: ArrayBuffer;
  readonly completions: ArrayBuffer;
  /** A bit for each descriptor: those to be closed with the ring. */
  readonly descriptors: ArrayBuffer;
  /** The high word of each slot's user data; negative where it is free. */
  readonly live: ArrayBuffer;
  readonly submissionEntries: number;
  readonly completionEntries: number;
  readonly submissionHeadOffset?: number;
  readonly completionHeadOffset?: number;
  readonly completionTailOffset?: number;
  readonly completionsOffset?: number;
  readonly sleepsInRing?: boolean;
  readonly setupFlags: number;
  readonly features: number;
}

export interface NativeRing {
  setUp(
    threaded: boolean,
    submissionEntries: number,
    completionEntries: number,
    withheldFlags: number,
  ): number;
  allocate(bytes: number): NativeMemory | number;
  registerBufferRing(handle: object, entries: number, group: number, flags: number): number;
  /**
   * `continueLater` is called in thread dispatch where completions are left that the event loop has to
   * turn before: it sees to it that `continueDispatch` is called then.
   */
  start(
    dispatch: () => void,
    preferEventfd: boolean,
    continueLater: () => void,
  ): RingMemory | number;
  continueDispatch(): void;
  /** Hands over the entries before `tail`, and waits for room where an I/O thread takes them. */
  submit(tail: number): number;
  wake(): void;
  /**
   * Thread dispatch: the result of the send or close that the entry before `tail` describes; -EAGAIN
   * where it is for the I/O thread to perform.
   */
  perform(tail: number): number;
  reference(): void;
  unreference(): void;
  close(drainMs: number, closed: (leaked: number) => void): void;
}

export interface NativeProbe {
  readonly error: number;
  readonly failedCall: string;
  readonly features: number;
  readonly setupFlags: number;
  readonly operations: Uint8Array;
  readonly bufferRing: boolean;
  readonly incremental: boolean;
  readonly multishotReceive: boolean;
  readonly multishotTimeout: boolean;
  readonly loopDispatch: boolean;
}

export interface DecodedAddress {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
}

export interface NativeAddon {
  readonly NativeRing: new () => NativeRing;
  probe(): NativeProbe;
  /** `descriptors`: the bits of the set that it is entered into before JavaScript runs again. */
  openSocket(family: number, type: number, protocol: number, descriptors?: Uint8Array): number;
  /** Another descriptor of the same socket, which blocks from then on; `descriptors` as above. */
  duplicate(fd: number, descriptors?: Uint8Array): number;
  /** 1 if something can be received at once, be it an end or an error. */
  isReadable(fd: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  shutdown(fd: number, how: number): number;
  /** Sends what the socket takes at once. */
  trySend(fd: number, data: Uint8Array): number;
  /** The same, of up to 64 pieces. */
  trySendSeveral(fd: number, pieces: readonly Uint8Array[]): number;
  /** 1 if it is a TCP connection that is closed: by a reset, unless both ends have ended it. */
  isReset(fd: number): number;
  /** Receives what the socket has at once; 0 at its end. */
  tryReceive(fd: number, data: Uint8Array): number;
  setOption(fd: number, level: number, name: number, value: number): number;
  getOption(fd: number, level: number, name: number): number | undefined;
  setLinger(fd: number, enabled: boolean, seconds: number): number;
  localAddress(fd: number, address: Uint8Array): number;
  peerAddress(fd: number, address: Uint8Array): number;
  closeDescriptor(fd: number): number;
  encodeAddress(text: string, port: number, address: Uint8Array): number;
  decodeAddress(address: Uint8Array, length: number): DecodedAddress | undefined;
  mappedBytes(): number;
}

const loaded = loadAddon();

/**
 * The addon, or undefined where it cannot be loaded: `addonFailure` then says why. Importing never
 * fails.
 */
export const addon = loaded.addon as NativeAddon | undefined;

export const addonFailure: LoadFailure | undefined = loaded.failure;

/** The file that the addon was loaded from; undefined where none was. */
export const addonFile: string | undefined = 'file' in loaded ? loaded.file : undefined;
