// The servers that one writes with Deno.listen: a loop of awaits for each connection.
import process from 'node:process';
import {
  announce,
  busyWork,
  collectOnRequest,
  MEBIBYTE,
  readOptions,
  SinkCounter,
  select,
  sourceChunk,
} from './common.mjs';

const options = readOptions({ 'buffer-size': { type: 'string', default: '65536' } });
const bufferBytes = Number(options['buffer-size']);

async function writeAll(connection, bytes) {
  let written = await connection.write(bytes);
  while (written < bytes.length) written += await connection.write(bytes.subarray(written));
}

function echo(work) {
  return async (connection) => {
    const buffer = new Uint8Array(bufferBytes);
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return;
      work?.(length);
      await writeAll(connection, buffer.subarray(0, length));
    }
  };
}

function sink() {
  return async (connection) => {
    const buffer = new Uint8Array(bufferBytes);
    const counter = new SinkCounter();
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return;
      const answers = counter.add(length);
      if (answers) await writeAll(connection, answers);
    }
  };
}

function source() {
  const chunk = sourceChunk(options);
  return async (connection) => {
    const buffer = new Uint8Array(bufferBytes);
    let wanted = 0;
    let pumping; // while it writes, reading goes on: requests come ahead
    const pump = async () => {
      for (; wanted > 0; wanted -= chunk.length) await writeAll(connection, chunk);
      pumping = undefined;
    };
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return pumping;
      wanted += length * MEBIBYTE;
      pumping ??= pump();
    }
  };
}

const serve = select({ echo, busy: () => echo(busyWork(options)), sink, source }, options)();

async function handle(connection) {
  try {
    connection.setNoDelay(true);
    await serve(connection);
  } catch (error) {
    // The peer went away: nothing to do for it.
    if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe))
      throw error;
  } finally {
    connection.close();
  }
}

const listener = Deno.listen({ hostname: '127.0.0.1', port: 0 });
announce('127.0.0.1', listener.addr.port);
collectOnRequest(globalThis.gc);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
for await (const connection of listener) handle(connection);
