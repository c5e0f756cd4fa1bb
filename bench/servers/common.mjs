// What the servers in JavaScript share, whatever runtime they are for: their command line, what they print, the busy
// loop, their identity in TLS, and the protocol of bulk transfer. It knows nothing of sockets.
//
//   sink    one byte is answered for each MiB that has come
//   source  each byte that comes asks for a MiB
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { spin } from './spin.mjs';

export const MEBIBYTE = 1024 * 1024;

/** The options, those of `more` included. */
export function readOptions(more = {}) {
  const { values } = parseArgs({
    options: {
      mode: { type: 'string', default: 'echo' },
      chunk: { type: 'string', default: '65536' },
      iterations: { type: 'string', default: '0' },
      'message-bytes': { type: 'string', default: '64' },
      identity: { type: 'string' },
      ...more,
    },
  });
  return values;
}

/** The handler of a mode; throws where there is none. */
export function select(handlers, { mode }) {
  if (handlers[mode]) return handlers[mode];
  throw new Error(`--mode ${mode}: there is ${Object.keys(handlers).join(', ')}`);
}

/** What a server of TLS shows, from the file that has both; undefined where it is to speak in clear. */
export function identityOf({ identity }) {
  if (identity === undefined) return undefined;
  const pem = readFileSync(identity, 'utf8');
  return { key: pem, cert: pem };
}

export function announce(host, port) {
  console.log(`listening on ${host}:${port}`);
}

/** Collects garbage on SIGUSR2 and says so, for measurements of memory. */
export function collectOnRequest(collect) {
  process.on('SIGUSR2', () => {
    // Twice: what the first one finalizes, the second one frees.
    for (let i = 0; i < 2; i++) collect();
    console.log('collected');
  });
}

/** Called with the length of what came, spins for each whole message in it. */
export function busyWork(options) {
  const iterations = Number(options.iterations);
  const messageBytes = Number(options['message-bytes']);
  let bytes = 0; // of messages that are incomplete, of all connections together
  return (length) => {
    for (bytes += length; bytes >= messageBytes; bytes -= messageBytes) spin(iterations);
  };
}

/** Counts what a connection sends; the answers that are due. */
export class SinkCounter {
  #bytes = 0;

  /** undefined: nothing is due. */
  add(length) {
    this.#bytes += length;
    if (this.#bytes < MEBIBYTE) return undefined;
    const answers = Math.floor(this.#bytes / MEBIBYTE);
    this.#bytes -= answers * MEBIBYTE;
    return new Uint8Array(answers);
  }
}

/** What a source sends again and again; the load generator knows its words. */
export function sourceChunk(options) {
  const words = new Uint32Array(Number(options.chunk) / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1);
  return new Uint8Array(words.buffer);
}
