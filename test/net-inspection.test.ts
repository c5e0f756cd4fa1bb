// What is printed of sockets and servers of proactor/net and proactor/http: what Node prints of its own, and neither
// bytes of another connection nor what the ring is made of.
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import * as nodeNet from 'node:net';
import { inspect } from 'node:util';
import { expect, it } from '@jest/globals';
import type { Proactor } from 'proactor';
import { attach, HttpAgent } from 'proactor/http';
import * as net from 'proactor/net';
import { atEnd } from './support/cleanup';
import { type Dispatcher, describeEach } from './support/dispatchers';
import { printing, searchFor, walk, walking } from './support/printing';
import { until } from './support/tcp-peer';

const SECRET = 'SECRET-of-A.';
const host = '127.0.0.1';
const isForeign = searchFor(SECRET);
const INTERNALS =
  /\b(Ring|HandlerTable|MemoryAccess|SubmissionEntry|Sender|SendQueue|\w*Reception|\w*Sender) \{|addressLow/;

type Subjects = Record<string, object>;
type Net = typeof nodeNet;

/** What is wrong with what is printed of them, of each object the first thing: to be nothing. */
function faultsOf(subjects: Subjects, ways = { ...printing, ...walking }): string[] {
  const faultOf = (subject: object): string | undefined => {
    for (const [way, print] of Object.entries(ways)) {
      const text = print(subject);
      if (isForeign(text)) return `${way} shows the bytes of another connection`;
      const [internal] = INTERNALS.exec(text) ?? [];
      if (internal !== undefined) return `${way} shows ${internal}`;
    }
    return undefined;
  };
  return Object.entries(subjects).flatMap(([name, subject]) => {
    const fault = faultOf(subject);
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
}

const handleOf = (owner: object): object => (owner as { _handle: object })._handle;

/** A secret goes in both directions through all memory that there is for that: at first in large pieces. */
async function passSecret(port: number): Promise<void> {
  const client = nodeNet.connect(port, host);
  client.on('error', () => {});
  let received = 0;
  client.on('data', ({ length }) => {
    received += length;
  });
  let sent = 0;
  for (const bytes of [600_000, 600_000, 960, 960, 960]) {
    const text = SECRET.repeat(bytes / SECRET.length);
    sent += text.length;
    client.write(text);
    await until('the secret came back', () => received === sent);
  }
  client.destroy();
}

/** A server that echoes, and two connections; `check` is given what there is in the handler of the second. */
async function play(module: Net, check: (subjects: Subjects) => void): Promise<Subjects> {
  let onText: (socket: nodeNet.Socket) => void = () => {};
  const server = module.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      socket.write(data);
      onText(socket);
    });
  });
  atEnd(() => server.close());
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as nodeNet.AddressInfo;
  await passSecret(port);
  const client = module.connect(port, host);
  client.on('error', () => {});
  atEnd(() => client.destroy());
  const checked = new Promise<Subjects>((resolve, reject) => {
    onText = (socket) => {
      atEnd(() => socket.destroy());
      const subjects = { socket, client, server };
      try {
        check(subjects);
        resolve(subjects);
      } catch (error) {
        reject(error);
      }
    };
  });
  client.write('I am B');
  return checked;
}

function useSmallBuffers({ open }: Dispatcher): Proactor {
  const proactor = open({ buffers: { count: 4, size: 65536 } });
  net.useProactor(proactor);
  return proactor;
}

describeEach('what is printed of proactor/net', (dispatcher) => {
  it('has no bytes of another connection, and no internals', async () => {
    useSmallBuffers(dispatcher);
    await play(net.default, ({ socket, client, server }) => {
      const handles = [socket, client, server].map((owner) => handleOf(owner!));
      const [ofSocket, ofClient, ofServer] = handles as [object, object, object];
      expect(faultsOf({ socket: socket!, client: client!, server: server! })).toEqual([]);
      expect(faultsOf({ ofSocket, ofClient, ofServer })).toEqual([]);
    });
  });

  it('has none of a socket with much to send, nor of what is closed', async () => {
    useSmallBuffers(dispatcher);
    const { socket, client, server } = (await play(net.default, () => {})) as {
      socket: nodeNet.Socket;
      client: nodeNet.Socket;
      server: nodeNet.Server;
    };
    socket.pause();
    client.write(Buffer.alloc(8 << 20, 'own'));
    const handles = [socket, client, server].map(handleOf);
    const subjects = { socket, client, server, handles };
    expect(faultsOf(subjects)).toEqual([]);
    client.destroy();
    socket.destroy();
    server.close();
    expect(faultsOf(subjects)).toEqual([]);
    await once(server, 'close');
    expect(faultsOf(subjects)).toEqual([]);
  });

  it('is what Node prints of its own, and no longer', async () => {
    useSmallBuffers(dispatcher);
    const lengths: Record<string, number[]>[] = [];
    const measure = (subjects: Subjects): void => {
      const lengthsOf = (subject: object): number[] => [
        inspect(subject).length,
        inspect(subject, { depth: 5 }).length,
        JSON.stringify(subject).length,
      ];
      const entries = Object.entries(subjects);
      lengths.push(Object.fromEntries(entries.map(([name, each]) => [name, lengthsOf(each)])));
    };
    await play(nodeNet, measure);
    await play(net.default, measure);
    const [nodes, ours] = lengths as [Record<string, number[]>, Record<string, number[]>];
    for (const [name, most] of Object.entries(nodes)) {
      const longer = ours[name]!.filter((length, index) => length > most[index]!);
      expect({ name, longer }).toEqual({ name, longer: [] });
    }
  });

  it('shows of a handle whose it is, and whether it reads', async () => {
    useSmallBuffers(dispatcher);
    await play(net.default, ({ socket, server }) => {
      expect(inspect(socket)).toMatch(
        /TcpHandle { reading: true, \[?Symbol\(owner_symbol\)\]?: \[Circular \*\d\] }/,
      );
      expect(JSON.stringify([handleOf(socket!), handleOf(server!)])).toBe('[{"reading":true},{}]');
    });
  });
});

describeEach('what is printed of proactor/http', (dispatcher) => {
  it('has no bytes of another connection, and no internals', async () => {
    const proactor = useSmallBuffers(dispatcher);
    const faults: string[] = [];
    // Assertions compare what they print line by line: of a request, which leads to much of Node's, that takes minutes.
    const ways = { ...printing, walk, '%j': walking['%j']! };
    const server = attach(
      createServer((request, response) => {
        request.resume();
        response.end('I am B');
        faults.push(...faultsOf({ request, response, server, socket: request.socket }, ways));
      }),
    ).listen(0, host);
    atEnd(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as nodeNet.AddressInfo;
    expect(walk(server)).not.toContain('_listen2');
    const echo = net.createServer((socket) => socket.on('data', (data) => socket.write(data)));
    atEnd(() => echo.close());
    echo.listen(0, host);
    await once(echo, 'listening');
    await passSecret((echo.address() as nodeNet.AddressInfo).port);
    expect(isForeign(inspect(proactor.buffers.memory.bytes))).toBe(true);
    const agent = new HttpAgent({ keepAlive: true });
    atEnd(() => agent.destroy());
    const request = get({ host, port, agent });
    const [response] = await once(request, 'response');
    faults.push(...faultsOf({ agent, request }, ways));
    response.resume();
    await once(response, 'end');
    expect(faults).toEqual([]);
  });
});
