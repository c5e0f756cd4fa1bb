// What the program asks for its next operation, by link() and deferCompletion(): for that one alone, which has to
// come in the same run of the program's code. Whoever runs next has asked for nothing.
//
// Linked operations are a chain. Its members stand side by side at the end of the submission queue until it is
// complete: what the package itself initiates meanwhile is put before them, and cancels, which may be meant for one
// of them, wait for the chain's end.
import { proactorError } from '../errors';
import { IOSQE_IO_LINK } from './kernel';
import { QUIET } from './layout';
import type { SubmissionEntry } from './submission-queue';

/** Operations that can be linked into one chain. */
const LINK_LIMIT = 8;

// What is asked, beside QUIET: the next operation is linked to the one after it;
const LINK = 1;
// and it is linked to the one before it.
const MEMBER = 2;
const CHAIN = LINK | MEMBER;

export class Requests {
  /** 0: nothing is asked, and no chain is open. */
  asked = 0;
  #members = 0; // that are linked to the next one
  #start = 0; // of the first of them, as the submission tail counts
  #waiting: (() => void)[] = [];

  /** @throws ERR_PROACTOR_LINK_TOO_LONG. */
  link(): void {
    if (this.#members >= LINK_LIMIT - 1) {
      throw proactorError(
        'ERR_PROACTOR_LINK_TOO_LONG',
        `A chain has at most ${LINK_LIMIT} operations`,
      );
    }
    this.asked |= LINK;
  }

  quiet(): void {
    this.asked |= QUIET;
  }

  /** The next operation belongs to a chain. */
  get isChain(): boolean {
    return (this.asked & CHAIN) !== 0;
  }

  /** What is asked but for the chain, which is asked no more then. */
  takeMarks(): number {
    const marks = this.asked & QUIET;
    this.asked &= CHAIN;
    return marks;
  }

  /** The entry at `tail` is the program's. */
  addMember(entry: SubmissionEntry, tail: number): void {
    if ((this.asked & LINK) === 0) {
      this.asked = 0;
      return;
    }
    entry.addFlags(IOSQE_IO_LINK);
    if (this.#members++ === 0) this.#start = tail;
    this.asked = MEMBER;
  }

  /** The entry behind all others is the package's. */
  stepAside(entry: SubmissionEntry): void {
    if (this.#members === 0) return;
    entry.moveBefore(this.#members);
    this.#start = (this.#start + 1) | 0;
  }

  /** Up to where entries may be handed over: to the kernel a chain ends with a submission. */
  handOverTo(tail: number): number {
    return this.#members === 0 ? tail : this.#start;
  }

  /** Calls `run` once no chain is open. */
  whenNoChain(run: () => void): void {
    if (this.#members === 0) run();
    else this.#waiting.push(run);
  }

  /**
   * The chain is complete, if one was open and nothing is asked any more; what waited for that is run. The last member
   * may be linked to nothing then: `dropLink`.
   */
  endChain(): void {
    this.#members = 0;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  /** Forgets all that is asked; true if a chain was open. */
  forget(): boolean {
    this.asked = 0;
    return this.#members > 0;
  }
}
