// The chain of linked operations that is being initiated: link() asks that the next operation be linked
// to the one after it.
import { proactorError } from '../errors';
import { IOSQE_IO_LINK } from './kernel';
import type { SubmissionEntry } from './submission-queue';

/** Operations that can be linked into one chain. */
const LINK_LIMIT = 8;

export class Chain {
  /** `link()` was called, or the last operation is linked to the next one. */
  active = false;
  /** Entries that have to be free for the next operation: a chain is submitted in one piece. */
  entriesNeeded = 1;
  #asked = false;
  #linked = 0;

  /** The next operation is linked to the one initiated after it. */
  link(): void {
    if (this.#linked >= LINK_LIMIT - 1) {
      throw proactorError(
        'ERR_PROACTOR_LINK_TOO_LONG',
        `A chain has at most ${LINK_LIMIT} operations`,
      );
    }
    this.#asked = true;
    this.#update();
  }

  /** An operation of the chain, or the first one behind it, is initiated. */
  continueWith(entry: SubmissionEntry): void {
    if (!this.#asked) {
      this.endBehind();
      return;
    }
    entry.addFlags(IOSQE_IO_LINK);
    this.#asked = false;
    this.#linked++;
    this.#update();
  }

  /** What was initiated last is the chain's end; the next operation may begin another. */
  endBehind(): void {
    this.#linked = 0;
    this.#update();
  }

  /** The operation that was to be linked is not initiated. */
  forget(): void {
    this.#asked = false;
    this.#update();
  }

  #update(): void {
    this.active = this.#asked || this.#linked > 0;
    this.entriesNeeded = this.active ? LINK_LIMIT - this.#linked : 1;
  }
}
