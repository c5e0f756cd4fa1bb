// `RUNTIME behaviours.mjs NAME`: one behaviour of the installed package, in a process of its own. Prints `works`, or why
// not, and ends by itself. Without a name: their names. The same program runs on Node, Bun and Deno.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { channels, constants, Proactor, TcpAcceptor, TcpStream } from 'proactor';

function check(condition, text) {
  if (!condition) throw new Error(text);
}

/** A connection to an echo server, both on `proactor`. */
async function connectToEcho(proactor) {
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1', port: 0 }, (stream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
  const { port } = acceptor.address;
  return { acceptor, client: await TcpStream.connect(proactor, { host: '127.0.0.1', port }) };
}

async function echo(dispatch) {
  const proactor = new Proactor({ dispatch });
  check(proactor.dispatch === dispatch, `it is ${proactor.dispatch} dispatch`);
  const { acceptor, client } = await connectToEcho(proactor);
  const sent = Buffer.alloc(300_000, 'all that is sent comes back. ');
  const writing = client.writeAsync(sent);
  const received = [];
  let length = 0;
  while (length < sent.length) {
    const part = await client.read();
    check(part !== null && part !== undefined, 'the stream ended early');
    received.push(Buffer.from(`${part}`));
    length += received.at(-1).length;
  }
  await writing;
  check(Buffer.concat(received).equals(sent), 'other bytes came back');
  client.destroy();
  await acceptor.close();
  await proactor.dispose();
}

const behaviours = {
  'loop dispatch': () => echo('loop'),
  'thread dispatch': () => echo('thread'),

  async 'the default dispatch'() {
    await echo(new Proactor().dispatch);
  },

  async 'file operations'() {
    const proactor = new Proactor();
    const fd = await proactor.openat(constants.AT_FDCWD, 'package.json', 0);
    const buffer = Buffer.alloc(4096);
    const length = await proactor.read(fd, buffer);
    check(JSON.parse(buffer.toString('utf8', 0, length)).name === 'consumer', 'another file');
    await proactor.close(fd);
    const failure = await proactor.openat(constants.AT_FDCWD, 'nothing', 0).catch((error) => error);
    check(failure.code === 'ENOENT' && failure.path === 'nothing', `${failure}`);
    await proactor.dispose();
  },

  async AbortSignal() {
    const proactor = new Proactor();
    const controller = new AbortController();
    const waiting = proactor.timeout(60_000, 0, { signal: controller.signal });
    setImmediate(() => controller.abort());
    const error = await waiting.catch((reason) => reason);
    check(error.name === 'AbortError', `${error}`);
    await proactor.dispose();
  },

  async 'await using'() {
    const proactor = new Proactor();
    await proactor[Symbol.asyncDispose]();
    check(proactor.disposed, 'it is not disposed of');
  },

  async 'diagnostics channels'() {
    const seen = [];
    channels.open.subscribe(({ proactor }) => seen.push(proactor));
    const proactor = new Proactor();
    check(seen[0] === proactor, 'nothing was published');
    await proactor.dispose();
  },

  async 'uncaught exceptions of handlers'() {
    const proactor = new Proactor();
    const caught = once(process, 'uncaughtException');
    const others = new Promise((resolve) => {
      proactor.nop(() => {
        throw new Error('thrown by a handler');
      });
      proactor.nop(resolve);
    });
    const [error] = await caught;
    check(error.message === 'thrown by a handler', error.message);
    await others;
    await proactor.dispose();
  },

  async workers() {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url));
    const [message] = await once(worker, 'message');
    check(message === 'echoed', message);
    await worker.terminate(); // with a receive in flight
    await echo('thread');
  },

  async 'memory that is collected'() {
    const proactor = new Proactor();
    for (let i = 0; i < 200; i++) {
      const memory = proactor.allocate(1 << 20);
      memory.bytes[0] = i;
      await proactor.nop();
    }
    await proactor.dispose();
  },

  'an idle proactor lets the process end'() {
    globalThis.proactor = new Proactor();
  },

  async 'an operation in flight keeps the process alive'() {
    const proactor = new Proactor();
    let ended = false;
    proactor.timeout(300, 0, () => {
      ended = true;
    });
    process.once('exit', () => {
      if (!ended) console.log('the process ended before');
    });
  },

  async 'proactor/net, as a whole and by name'() {
    const { default: net, createServer, usesProactor } = await import('proactor/net');
    check(net?.createServer === createServer, 'what is imported as a whole is another thing');
    check(net.usesProactor === usesProactor, 'usesProactor differs');
    const server = net.createServer((socket) => socket.end('served'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const [data] = await once(net.connect(server.address().port, '127.0.0.1'), 'data');
    check(String(data) === 'served', String(data));
    server.close();
  },

  async 'proactor/http'() {
    const { createServer, get } = await import('node:http');
    const { attach, HttpAgent, shutdown } = await import('proactor/http');
    const server = attach(createServer((_request, response) => response.end('served')));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const agent = new HttpAgent({ keepAlive: true });
    const request = get({ host: '127.0.0.1', port: server.address().port, agent });
    const [response] = await once(request, 'response');
    check((await response.setEncoding('utf8').toArray()).join('') === 'served', 'another answer');
    agent.destroy();
    await shutdown(server);
  },

  async 'process.exit() with a connection open'() {
    const { client } = await connectToEcho(new Proactor());
    client.onData = () => {};
    await delay(10);
    console.log('works');
    process.exit(0);
  },
};

const name = process.argv[2];
if (name === undefined) {
  console.log(JSON.stringify(Object.keys(behaviours)));
} else {
  try {
    await behaviours[name]();
    console.log('works');
  } catch (error) {
    console.log(error.code === undefined ? `${error}` : `${error.code}: ${error.message}`);
    process.exit(0);
  }
}
