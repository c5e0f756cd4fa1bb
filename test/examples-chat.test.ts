// examples/chat-server.mjs: lines go to everybody else, and nobody can make it keep much.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Example, runExample, startExample } from './support/example';
import { patient } from './support/pace';
import { until } from './support/tcp-peer';

const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

interface Guest {
  readonly socket: Socket;
  /** What it was sent, line by line. */
  readonly lines: string[];
  /** Resolves when a line equals `line`. */
  sees(line: string): Promise<void>;
}

async function join({ port }: Example, name?: string): Promise<Guest> {
  const socket = connect(port, '127.0.0.1');
  sockets.add(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const lines: string[] = [];
  const reader = createInterface({ input: socket });
  reader.on('line', (line) => lines.push(line)).on('error', () => {});
  const sees = async (line: string): Promise<void> => {
    while (!lines.includes(line)) await once(reader, 'line');
  };
  await sees('your name?');
  if (name !== undefined) {
    socket.write(`${name}\n`);
    while (!lines.some((line) => line.startsWith(`* hello ${name}`))) await once(reader, 'line');
  }
  return { socket, lines, sees };
}

describe.each(['loop', 'thread'])('examples/chat-server.mjs --dispatch %s', (dispatch) => {
  const start = (...args: string[]): Promise<Example> =>
    startExample('chat-server.mjs', ['--port', '0', '--dispatch', dispatch, ...args]);

  it('passes lines on to all others, torn characters put together', async () => {
    const chat = await start();
    const anna = await join(chat, 'anna');
    const bert = await join(chat, 'bert');
    await anna.sees('* bert came');
    const text = Buffer.from('grüße\n/who\n');
    bert.socket.write(text.subarray(0, 3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    bert.socket.write(text.subarray(3));
    await anna.sees('bert: grüße');
    await bert.sees('* anna, bert');
    expect(bert.lines).not.toContain('bert: grüße');
    bert.socket.write('/quit\n');
    await bert.sees('* bye');
    await anna.sees('* bert left');
    expect(await chat.stop('SIGTERM')).toBe(0);
    expect(anna.lines).toContain('* the server stops');
  });

  it('refuses names that are taken or odd, long lines, and clients beyond the limit', async () => {
    const chat = await start('--max-clients', '2');
    const anna = await join(chat, 'anna');
    const other = await join(chat);
    other.socket.write('anna\n');
    await other.sees('* that name is taken; your name?');
    other.socket.write('no spaces\n');
    await other.sees('* up to 20 letters, digits, _ and -; your name?');
    const third = connect(chat.port, '127.0.0.1');
    sockets.add(third);
    const [refusal] = (await once(third, 'data')) as [Buffer];
    expect(refusal.toString()).toBe('* the room is full\n');
    anna.socket.write('x'.repeat(5000));
    await anna.sees('* that line was too long');
    await once(anna.socket, 'close');
    expect(await chat.stop('SIGINT')).toBe(0);
  });

  it('reads somebody who writes fast slowly, and loses none of it', async () => {
    const chat = await start();
    const anna = await join(chat, 'anna');
    const bert = await join(chat, 'bert');
    const startMs = Date.now();
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    bert.socket.write(`${lines.join('\n')}\n`);
    await anna.sees('bert: line 49');
    expect(Date.now() - startMs).toBeGreaterThan(1000);
    expect(anna.lines.filter((line) => line.startsWith('bert'))).toEqual(
      lines.map((line) => `bert: ${line}`),
    );
    expect(await chat.stop('SIGTERM')).toBe(0);
  });

  it(
    'drops somebody who does not read, and the others go on',
    async () => {
      const chat = await start();
      const anna = await join(chat, 'anna');
      const deaf = await join(chat, 'deaf');
      deaf.socket.pause();
      // What they write at once must not be more than a reader may leave unread for a moment (1 MiB), and
      // the next comes at the pace of those who read: nobody but the deaf falls behind.
      const writers: Guest[] = [];
      for (let i = 0; i < 12; i++) writers.push(await join(chat, `writer${i}`));
      const lines = `${'€'.repeat(990)}\n`.repeat(20);
      for (let sent = 240; !anna.lines.includes('* deaf left'); sent += 240) {
        expect(sent).toBeLessThan(24_000);
        for (const { socket } of writers) socket.write(lines);
        await until(
          'anna has it',
          () => anna.lines.filter((text) => text.startsWith('writer')).length === sent,
          10_000,
        );
      }
      anna.socket.write('/who\n');
      await until('the others are there', () =>
        anna.lines.some((text) => text.startsWith('* anna, writer0')),
      );
      for (const { socket } of writers) socket.destroy();
      expect(await chat.stop('SIGTERM')).toBe(0);
    },
    patient(60_000),
  );
});

describe('examples/chat-server.mjs', () => {
  it('says how to use it', async () => {
    const { code, output } = await runExample('chat-server.mjs', ['--help']);
    expect([code, output]).toEqual([0, expect.stringContaining('--max-clients N')]);
  });

  it.each([
    [['--port', 'x'], 2, "--port must be an integer from 0 to 65535, not 'x'"],
    [['--port', '65536'], 2, '--port must be'],
    [['--max-clients', '0'], 2, '--max-clients must be'],
    [['--wrong'], 2, "Unknown option '--wrong'"],
    [['--dispatch', 'wrong', '--port', '0'], 2, '--dispatch must be loop or thread'],
    [['--host', '192.0.2.1', '--port', '0'], 1, 'EADDRNOTAVAIL'],
  ])('says what is wrong with %j', async (args, status, message) => {
    const { code, errors } = await runExample('chat-server.mjs', args);
    expect([code, errors]).toEqual([status, expect.stringContaining(message)]);
    expect(errors).not.toContain('    at ');
  });
});
