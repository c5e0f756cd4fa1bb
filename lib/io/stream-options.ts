// What all byte streams can be told.

/** Options of a stream. */
export interface StreamOptions {
  /**
   * Bytes waiting to be sent, or received and not taken, from which on backpressure sets in; what
   * was received and not taken exceeds it by one receive buffer at the most, but where `onData` is
   * paused: see `pause()`. Default: 65536.
   */
  readonly highWaterMark?: number;
  /** Keep sending possible after the peer ended. Default: false, the stream then ends itself. */
  readonly allowHalfOpen?: boolean;
}
