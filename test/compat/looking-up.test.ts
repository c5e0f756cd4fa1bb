// Names: lookup functions of the caller's own, families, and trying several addresses.
import { compare } from './harness/compare';
import type { Scene } from './harness/scene';

type Done = (...results: unknown[]) => void;

/** Connects with a lookup that gives `results`, and notes what follows. */
async function lookUp(scene: Scene, label: string, results: readonly unknown[], more: object = {}) {
  const { connect, log, closed, listening } = scene;
  const { server, port } = await listening({}, (served) => served.end());
  const own = log(label);
  const lookup = (host: string, options: unknown, done: Done): void => {
    own.add('lookup of', host, options);
    setImmediate(() => done(...results));
  };
  const client = own.call('connect', () => connect({ port, host: 'somewhere', lookup, ...more }));
  if (client === undefined) return;
  own.socket(client).resume();
  await closed(client);
  own.state('after', client, ['destroyed', 'autoSelectFamilyAttemptedAddresses']);
  server.close();
}

const one = { autoSelectFamily: false };
const v4 = (...addresses: readonly string[]): object[] =>
  addresses.map((address) => ({ address, family: 4 }));

compare(__filename, {
  'what a lookup of one address may give': async (scene) => {
    for (const [label, results] of Object.entries({
      address: [null, '127.0.0.1', 4],
      'no family': [null, '127.0.0.1'],
      'family as text': [null, '127.0.0.1', '4'],
      'family as name': [null, '127.0.0.1', 'IPv4'],
      'wrong family': [null, '127.0.0.1', 6],
      'no family that there is': [null, '127.0.0.1', 5],
      'no address': [null, 'somewhere', 4],
      error: [Object.assign(new Error('own'), { code: 'EOWN' })],
      'a text for an error': ['own'],
    })) {
      await lookUp(scene, label, results, one);
    }
  },

  'what a lookup of all addresses may give': async (scene) => {
    for (const [label, results] of Object.entries({
      one: [null, v4('127.0.0.1')],
      'one of three': [null, v4('127.0.0.1', '127.0.0.2', '127.0.0.3')],
      'no addresses': [null, v4('somewhere', 'elsewhere')],
      error: [Object.assign(new Error('own'), { code: 'EOWN' })],
    })) {
      await lookUp(scene, label, results, { autoSelectFamily: true });
    }
  },

  'hints and families reach the lookup': async (scene) => {
    for (const more of [{ family: 4 }, { family: 6 }, { family: 0 }, { hints: 0 }, { hints: 32 }]) {
      await lookUp(scene, JSON.stringify(more), [null, '127.0.0.1', 4], { ...one, ...more });
    }
  },

  'lookups of all addresses that find none': async ({ connect, log, turns }) => {
    for (const [index, found] of [[], [undefined, ...v4('127.0.0.1')]].entries()) {
      const own = log(`answer ${index}`);
      const lookup = (_: string, _options: unknown, done: Done): void => {
        setImmediate(() => done(null, found));
      };
      own.socket(connect({ port: 7, host: 'somewhere', lookup, autoSelectFamily: true }));
      await turns(5);
    }
  },

  'the name that each machine has': async ({ net, keep, connect, log, closed, event }) => {
    const server = keep(net.createServer((served) => served.end('hello')));
    server.listen(0, 'localhost');
    await event(server, 'listening');
    const { port } = server.address() as { port: number };
    for (const more of [{}, { family: 4 }, { autoSelectFamily: false }]) {
      const client = connect({ port, host: 'localhost', ...more });
      log(JSON.stringify(more)).socket(client, 'data');
      await closed(client);
    }
    // Without a host it is the same.
    await closed(log('no host').socket(connect({ port }), 'data'));
  },

  'a lookup that throws': async ({ connect, log }) => {
    const lookup = (): void => {
      throw new RangeError('thrown');
    };
    log('client').call('connect', () => connect({ port: 7, host: 'somewhere', lookup }));
  },

  'a lookup that answers at once': async ({ connect, log, listening, closed }) => {
    const { port } = await listening({}, (served) => served.end());
    const lookup = (_: string, options: { all?: boolean }, done: Done): void =>
      options.all ? done(null, v4('127.0.0.1')) : done(null, '127.0.0.1', 4);
    const client = log('client').socket(connect({ port, host: 'somewhere', lookup }));
    log('client').state('connecting', client, ['connecting', 'pending']);
    client.resume();
    await closed(client);
  },

  'a lookup that answers at once, with an error': async ({ connect, log, closed }) => {
    const lookup = (_host: string, _options: unknown, done: Done): void => done(new Error('own'));
    const client = log('client').socket(connect({ port: 7, host: 'somewhere', lookup }));
    log('client').add('returned');
    await closed(client);
  },

  'a lookup that answers twice': async ({ connect, log, listening, turns }) => {
    const { port } = await listening({}, (served) => served.end());
    const lookup = (_: string, _options: unknown, done: Done): void => {
      done(null, '127.0.0.1', 4);
      done(null, '127.0.0.1', 4);
    };
    const own = log('client');
    own.call('connect', () => own.socket(connect({ port, host: 'x', lookup, ...one })).resume());
    await turns(20);
  },

  'a socket that is destroyed while its name is looked up': async ({
    connect,
    log,
    closed,
    turns,
  }) => {
    let answer: Done = () => {};
    const lookup = (_: string, _options: unknown, done: Done): void => {
      answer = done;
    };
    const client = log('client').socket(connect({ port: 7, host: 'somewhere', lookup }));
    client.destroy();
    await closed(client);
    answer(null, v4('127.0.0.1'));
    await turns(5);
    log('client').state('after', client, ['connecting', 'destroyed']);
  },

  'all addresses refuse': async ({ connect, log, closed, closedPort }) => {
    const port = await closedPort();
    const lookup = (_: string, _options: unknown, done: Done): void =>
      done(null, v4('127.0.0.1', '127.0.0.2', '127.0.0.3'));
    const options = { port, host: 'somewhere', lookup, autoSelectFamily: true };
    const client = log('client').socket(connect(options, log('client').callback('callback')));
    await closed(client);
    log('client').state('after', client, ['autoSelectFamilyAttemptedAddresses', 'errored']);
  },

  'the second address accepts': async ({ net, connect, log, closed, keep }) => {
    const server = keep(net.createServer((served) => served.end('hi')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
    const { port } = server.address() as { port: number };
    const lookup = (_: string, _options: unknown, done: Done): void =>
      done(null, [...v4('127.0.0.1'), ...v4('127.0.0.2')]);
    const options = { port, host: 'somewhere', lookup, autoSelectFamily: true };
    const client = log('client').socket(connect(options), 'data');
    client.once('connect', () => log('client').state('connected', client, ['remoteAddress']));
    await closed(client);
    log('client').state('after', client, ['autoSelectFamilyAttemptedAddresses']);
  },

  'an IPv6 address that does not work, then an IPv4 one': async (scene) => {
    const mixed = [{ address: '::1', family: 6 }, ...v4('127.0.0.1')];
    await lookUp(scene, 'client', [null, mixed], { autoSelectFamily: true });
  },

  'several addresses and a local one of one family': async (scene) => {
    const mixed = [{ address: '::1', family: 6 }, ...v4('127.0.0.1', '127.0.0.2')];
    const more = { autoSelectFamily: true, localAddress: '127.0.0.3' };
    await lookUp(scene, 'client', [null, mixed], more);
  },

  'an address is looked up by nobody': async (scene) => {
    await lookUp(scene, 'address', [null, '127.0.0.9', 4], { host: '127.0.0.1' });
    await lookUp(scene, 'family', [null, '127.0.0.9', 4], { host: '127.0.0.1', family: 6 });
  },

  'addresses that block lists know': async ({ net, connect, listening, log, closed }) => {
    const { port } = await listening({}, (served) => served.end());
    const blockList = new net.BlockList();
    blockList.addAddress('127.0.0.1');
    const own = log('client');
    const client = own.call('connect', () => connect({ port, host: '127.0.0.1', blockList }));
    if (client === undefined) return;
    own.socket(client).resume();
    await closed(client);
  },
});
