// What of a socket's handle is kept from whoever goes through its fields, and what is printed of it: what shows of a
// handle of Node's. The two halves of a stream refer to the ring, whose memory has bytes of all connections.
import { printSummariesOf, type Summary } from '../inspection';
import type { Sender } from '../io/sender';
import { internals, ownerOf } from './node-internals';
import type { SocketReception } from './socket-reception';

export abstract class HandleBase extends internals.JsStream {
  /** Set and read by net.Socket. */
  reading = false;
  #reception: SocketReception | null = null;
  #sender: Sender | null = null;

  protected get reception(): SocketReception | null {
    return this.#reception;
  }

  protected set reception(reception: SocketReception | null) {
    this.#reception = reception;
  }

  /** There while there is something to send. */
  protected get sender(): Sender | null {
    return this.#sender;
  }

  protected set sender(sender: Sender | null) {
    this.#sender = sender;
  }

  summary(): Summary {
    return { reading: this.reading, [internals.owner]: ownerOf(this) };
  }

  static {
    printSummariesOf(HandleBase);
  }
}
