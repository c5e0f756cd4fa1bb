// A chat server: every line that somebody writes goes to everybody else. Try it with two terminals
// and `nc`.
//
//   node examples/chat-server.mjs --port 7001 [--host 127.0.0.1] [--dispatch loop|thread] [--max-clients 1000]
//
// Nobody can make it keep much: who writes fast is read slowly (pause, resume), who does not read
// what is sent is dropped, and lines, names and clients are limited.
import { StringDecoder } from 'node:string_decoder';
import { parseArgs } from 'node:util';
import { Proactor, TcpAcceptor } from 'proactor';

const USAGE = `usage: node examples/chat-server.mjs [options]
  --port N                port to listen on, 0 for a free one  (7001)
  --host H                address to listen on                 (127.0.0.1)
  --dispatch loop|thread  how completions come to JavaScript   (loop)
  --max-clients N         connections at the same time         (1000)
  --help                  show this

The first line of a client is its name. Then each line goes to all others; /who lists them, /quit leaves.`;

const LINE_LENGTH_MAX = 1000;
const NAME = /^[\p{L}\p{N}_-]{1,20}$/u;
const NAME_TIMEOUT_MS = 30_000;
// Nobody types faster; whoever sends more is not received from for the rest of the second.
const LINES_PER_SECOND_MAX = 20;
// A client that lets so many bytes wait is dropped: write() returns false from here on.
const UNREAD_BYTES_MAX = 1024 * 1024;
// How long somebody who is to leave may take to do so.
const LEAVE_TIMEOUT_MS = 1000;

function fail(message, code = 1) {
  console.error(`chat-server: ${message}`);
  process.exit(code);
}

function integer(name, text, min, max) {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  return fail(`--${name} must be an integer from ${min} to ${max}, not '${text}'`, 2);
}

function checkDispatch(name) {
  if ([undefined, 'loop', 'thread'].includes(name)) return;
  fail(`--dispatch must be loop or thread, not '${name}'`, 2);
}

function parseOptions() {
  const options = {
    port: { type: 'string', default: '7001' },
    host: { type: 'string', default: '127.0.0.1' },
    dispatch: { type: 'string' },
    'max-clients': { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  };
  try {
    const { values } = parseArgs({ options });
    checkDispatch(values.dispatch);
    return {
      ...values,
      port: integer('port', values.port, 0, 65535),
      maxClients: integer('max-clients', values['max-clients'], 1, 100_000),
    };
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`, 2);
  }
}

class Room {
  /** By name. */
  members = new Map();
  clients = new Set();

  broadcast(text, except) {
    const line = Buffer.from(`${text}\n`);
    for (const member of this.members.values()) if (member !== except) member.send(line);
  }

  /** Says why to everybody, and waits until they are gone. */
  async end(reason) {
    const leaving = [...this.clients].map((client) => client.leave(reason));
    await Promise.all(leaving);
  }
}

class Client {
  #room;
  #stream;
  #name = null;
  #decoder = new StringDecoder('utf8'); // a character may be torn between two chunks
  #text = ''; // received and not handled: at most what one chunk brought, and a line whose end has not come yet
  #linesLeft = LINES_PER_SECOND_MAX;
  #second = null; // a timer, from the first line of a second on
  #left = false;

  constructor(room, stream) {
    this.#room = room;
    this.#stream = stream;
    room.clients.add(this);
    stream.onData = (chunk) => this.#received(chunk);
    stream.onEnd = () => this.leave();
    stream.onClose = () => {
      this.leave();
      room.clients.delete(this);
    };
    stream.onTimeout = () => this.leave('too slow with your name');
    stream.setTimeout(NAME_TIMEOUT_MS);
    this.send('your name?\n');
  }

  /** Sends to this client, unless it is leaving; drops it when it does not read. */
  send(data) {
    if (this.#left || this.#stream.destroyed) return;
    if (this.#stream.write(data)) return;
    console.log(`${this.#name ?? 'a nameless client'} does not read and is dropped`);
    this.#forget();
    this.#stream.resetAndDestroy();
  }

  /** Ends this client's connection when everything was sent to it. Fulfilled when it is closed. */
  leave(reason) {
    if (this.#left) return this.#stream.closed;
    if (reason !== undefined) this.send(`* ${reason}\n`);
    this.#forget();
    if (!this.#stream.destroyed) endWithin(this.#stream, LEAVE_TIMEOUT_MS);
    return this.#stream.closed;
  }

  #forget() {
    if (this.#left) return;
    this.#left = true;
    this.#text = '';
    clearTimeout(this.#second);
    if (this.#name === null) return;
    this.#room.members.delete(this.#name);
    this.#room.broadcast(`* ${this.#name} left`);
  }

  // The chunk is borrowed until this returns; the decoder copies it into text.
  #received(chunk) {
    if (this.#left) return;
    this.#text += this.#decoder.write(chunk.bytes);
    this.#handleLines();
  }

  #handleLines() {
    while (!this.#left) {
      const end = this.#text.indexOf('\n');
      if (end > LINE_LENGTH_MAX || (end < 0 && this.#text.length > LINE_LENGTH_MAX)) {
        this.leave('that line was too long');
      } else if (end < 0) {
        return;
      } else if (this.#linesLeft === 0) {
        // The rest stays in the kernel, and then with the sender.
        this.#stream.pause();
        return;
      } else {
        this.#countLine();
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        this.#line(line.replace(/\p{Cc}/gu, ' ').trim());
      }
    }
  }

  #countLine() {
    this.#linesLeft--;
    this.#second ??= setTimeout(() => {
      this.#second = null;
      this.#linesLeft = LINES_PER_SECOND_MAX;
      this.#stream.resume();
      this.#handleLines();
    }, 1000);
  }

  #line(line) {
    if (this.#name === null) this.#choose(line);
    else if (line === '/quit') this.leave('bye');
    else if (line === '/who') this.send(`* ${[...this.#room.members.keys()].join(', ')}\n`);
    else if (line !== '') this.#room.broadcast(`${this.#name}: ${line}`, this);
  }

  #choose(name) {
    if (!NAME.test(name)) return this.send('* up to 20 letters, digits, _ and -; your name?\n');
    if (this.#room.members.has(name)) return this.send('* that name is taken; your name?\n');
    this.#stream.setTimeout(0);
    this.#name = name;
    this.#room.members.set(name, this);
    this.send(`* hello ${name}, you are ${this.#room.members.size} here\n`);
    this.#room.broadcast(`* ${name} came`, this);
  }
}

/** Says why, and does not wait for long until the client is gone. */
function turnAway(stream) {
  stream.onData = () => {};
  endWithin(stream, LEAVE_TIMEOUT_MS, '* the room is full\n');
}

function endWithin(stream, timeoutMs, farewell) {
  stream.end(farewell).catch(() => {});
  const timer = setTimeout(() => stream.destroy(), timeoutMs);
  stream.closed.then(() => clearTimeout(timer));
}

const options = parseOptions();
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}

const room = new Room();
let proactor;
let acceptor;
try {
  proactor = new Proactor({ dispatch: options.dispatch });
  const { host, port } = options;
  acceptor = await TcpAcceptor.listen(
    proactor,
    { host, port, highWaterMark: UNREAD_BYTES_MAX },
    (stream) => {
      if (room.clients.size < options.maxClients) new Client(room, stream);
      else turnAway(stream);
    },
  );
} catch (error) {
  fail(error.message);
}
acceptor.onError = (error) => console.error(`chat-server: ${error.message}`);
const { address, family, port } = acceptor.address;
console.log(`listening on ${family === 'IPv6' ? `[${address}]` : address}:${port}`);

async function stop() {
  await acceptor.close();
  await room.end('the server stops');
  await proactor.dispose();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
