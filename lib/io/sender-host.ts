// Whom a sender works for.

/** What the stream does about what its sender finds. */
export interface SenderHost {
  /** Everything was sent after `write` had said false. */
  drained(): void;
  /** The peer was told that nothing follows. */
  sendEnded(): void;
  sendFailed(failure: number | Error, syscall: string): void;
  /** Nothing is in flight any more after `stop()`. */
  sendStopped(): void;
  /** Both directions are over, so that closing the descriptor says all that a shutdown would. */
  readonly receiveIsOver: boolean;
  /** The sender has no work: another stream may have it. */
  giveBackSender(): void;
}

/** Whom a spare one works for: it keeps no stream. */
export const NOBODY: SenderHost = {
  drained() {},
  sendEnded() {},
  sendFailed() {},
  sendStopped() {},
  receiveIsOver: true,
  giveBackSender() {},
};
