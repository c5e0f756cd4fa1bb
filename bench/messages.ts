// Streams of messages: their options, what they consist of, and the figures of a load of them.
import type { TrialResult } from './load.js';
import { integer, type ValuesOf } from './options.js';
import { bytesWord } from './words.js';

export const streamShape = {
  messages: integer('messages of a stream', 20_000, 1, 1_000_000),
  size: integer('bytes of a message', 1024, 4, 1024 * 1024),
};

export type StreamShape = ValuesOf<typeof streamShape>;

/** As it stands in ids. */
export function streamWord({ messages, size }: StreamShape): string {
  return `${messages}x${bytesWord(size)}`;
}

/** As it stands in titles. */
export function streamTitle({ messages, size }: StreamShape): string {
  return `${messages.toLocaleString('en-US')} messages of ${bytesWord(size)}`;
}

/** What servers/messages.mjs sends: each message has its number in front. */
export function* dueMessages({ messages, size }: StreamShape): Generator<Buffer> {
  const pattern = Buffer.alloc(size, 'proactor');
  for (let number = 0; number < messages; number++) {
    const message = Buffer.from(pattern);
    message.writeUInt32BE(number);
    yield message;
  }
}

export function streamFigures({ messages }: StreamShape) {
  return ({ units, seconds }: TrialResult): Readonly<Record<string, number>> => ({
    messagesPerSecond: units / seconds,
    secondsPerStream: seconds / (units / messages),
  });
}
