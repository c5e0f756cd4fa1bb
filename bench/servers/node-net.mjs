// The servers that one writes with node:net, on it or on proactor/net, and the same with node:tls. On node:net they are
// the yardstick of the benchmark.
import { Readable, Writable } from 'node:stream';
import * as tls from 'node:tls';
import {
  busyWork,
  identityOf,
  MEBIBYTE,
  readOptions,
  SinkCounter,
  select,
  sourceChunk,
} from './common.mjs';
import { chooseNet, listen, netOptions } from './net-module.mjs';

const options = readOptions(netOptions);
const { createServer, attach } = await chooseNet(options);

function echo(work) {
  return (socket) => {
    socket.on('data', (chunk) => {
      work?.(chunk.length);
      if (!socket.write(chunk)) socket.pause();
    });
    socket.on('drain', () => socket.resume());
  };
}

function sink() {
  return (socket) => {
    const counter = new SinkCounter();
    socket.on('data', (chunk) => {
      const answers = counter.add(chunk.length);
      if (answers) socket.write(answers);
    });
  };
}

function source() {
  const chunk = sourceChunk(options);
  return (socket) => {
    let wanted = 0;
    const pump = () => {
      while (wanted > 0) {
        wanted -= chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('data', (requests) => {
      wanted += requests.length * MEBIBYTE;
      if (!socket.writableNeedDrain) pump();
    });
    socket.on('drain', pump);
  };
}

function pipeSink() {
  return (socket) => {
    const counter = new SinkCounter();
    const counting = new Writable({
      write(chunk, _encoding, done) {
        const answers = counter.add(chunk.length);
        if (answers) socket.write(answers);
        done();
      },
    });
    socket.pipe(counting);
  };
}

// Has as many bytes as were asked for.
class AskedFor extends Readable {
  #chunk;
  #wanted = 0;
  #isRead = false; // who reads has room

  constructor(chunk) {
    super();
    this.#chunk = chunk;
  }

  ask(bytes) {
    this.#wanted += bytes;
    this.#push();
  }

  _read() {
    this.#isRead = true;
    this.#push();
  }

  #push() {
    while (this.#isRead && this.#wanted > 0) {
      this.#wanted -= this.#chunk.length;
      this.#isRead = this.push(this.#chunk);
    }
  }
}

function pipeSource() {
  const chunk = sourceChunk(options);
  return (socket) => {
    const source = new AskedFor(chunk);
    socket.on('data', (requests) => source.ask(requests.length * MEBIBYTE));
    source.pipe(socket);
  };
}

const modes = {
  ...{ echo, busy: () => echo(busyWork(options)), sink, source },
  ...{ 'pipe-sink': pipeSink, 'pipe-source': pipeSource },
};
const serve = select(modes, options)();
function onConnection(socket) {
  socket.on('error', () => socket.destroy());
  serve(socket);
}

const identity = identityOf(options);
const server = identity
  ? attach(tls.createServer({ ...identity, noDelay: true }, onConnection))
  : createServer({ noDelay: true }, onConnection);
listen(server);
