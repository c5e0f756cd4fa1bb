// Opens and drops thousands of connections in rude ways, ends proactors in the middle of it, and then checks that
// descriptors, threads, operation slots, buffers and memory have returned to where they began.
//
//   node test/soak/soak.mjs [--dispatch loop|thread|both] [--connections 4000 | --seconds 30] [--concurrency 48] [--seed N]
//                           [--rss-slack-mb 48]
//
// Prints one line of JSON a dispatcher. Exits with 1, and says what is left, if anything is.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Proactor, TcpAcceptor } from 'proactor';
import { addon } from '#lib/ring/binding';
import { HOST, playConnection, playPeer, playStream, randomFrom } from './episodes.mjs';

const { values } = parseArgs({
  options: {
    dispatch: { type: 'string', default: 'both' },
    connections: { type: 'string', default: '4000' },
    seconds: { type: 'string' },
    concurrency: { type: 'string', default: '48' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    'rss-slack-mb': { type: 'string', default: '48' },
  },
});
const concurrency = Number(values.concurrency);
const seed = Number(values.seed);
const rssSlack = Number(values['rss-slack-mb']) * 2 ** 20;
const CONNECTIONS_A_ROUND = 400;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

// A handler that throws on purpose must not end the soak; anything else must.
process.on('uncaughtException', (error) => {
  if (error.message === 'soak: a handler throws') return;
  console.error('soak: uncaught', error);
  process.exit(1);
});

const leaked = [];
const diagnostics = await import('node:diagnostics_channel');
diagnostics.subscribe('proactor:dispose', (message) => {
  if (message.leaked !== 0) leaked.push(message.leaked);
});

function usage() {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    mappedBytes: addon.mappedBytes(),
    rss: process.memoryUsage.rss(),
  };
}

/** Garbage is collected, and finalizers had their turn. */
async function settledUsage() {
  for (let turn = 0; turn < 6; turn++) {
    collect();
    await delay(10);
  }
  return usage();
}

async function waitFor(what, condition, limitMs = 5000) {
  const deadline = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(5);
  }
}

/**
 * One proactor with its servers: `count` connections, then the end, in order, or in the middle of everything: when the
 * connection `cutAt` begins, with others under way and more to come.
 */
async function round(dispatch, count, random, cutAt) {
  const buffers = random.pick([{}, {}, { count: 4, size: 4096 }, { incremental: false }]);
  const proactor = new Proactor({ dispatch, buffers });
  const accepted = new Set();
  const acceptor = await TcpAcceptor.listen(proactor, { host: HOST }, (stream) => {
    const playing = playStream(stream, random).finally(() => accepted.delete(playing));
    accepted.add(playing);
  });
  const peers = new Set();
  const server = createServer((socket) => {
    const playing = playPeer(socket, random).finally(() => peers.delete(playing));
    peers.add(playing);
  }).listen(0, HOST);
  await once(server, 'listening');
  const closed = await TcpAcceptor.listen(proactor, { host: HOST });
  await closed.close();
  const ports = {
    ours: acceptor.address.port,
    theirs: server.address().port,
    closed: closed.address.port,
  };
  let left = count;
  let cut;
  const isCut = new Promise((resolve) => {
    cut = resolve;
  });
  const work = async () => {
    while (left-- > 0 && !proactor.disposed) {
      const playing = playConnection(proactor, ports, random);
      if (count - left === cutAt) cut();
      await playing;
    }
  };
  const workers = Array.from({ length: concurrency }, work);
  const isCutShort = cutAt !== undefined;
  if (isCutShort) {
    await isCut;
    if (random.chance(0.5)) await nextTurn(); // outside of what ended the connection before
  } else {
    await Promise.all(workers);
    await waitFor('all accepted streams are closed', () => accepted.size === 0);
    await acceptor.close();
    await waitFor('no operation is in flight', () => proactor.stats().inFlight === 0);
  }
  const peak = usage();
  const begunMs = Date.now();
  await proactor.dispose();
  const disposeMs = Date.now() - begunMs;
  await Promise.all([...workers, ...accepted, ...peers]);
  await new Promise((resolve) => server.close(resolve));
  const { blocksLent, buffersProvided, inFlight } = proactor.stats();
  const whole = { blocksLent: 0, buffersMissing: 0, inFlight: 0 };
  const found = { blocksLent, buffersMissing: proactor.buffers.count - buffersProvided, inFlight };
  for (const [name, value] of Object.entries(whole)) {
    if (found[name] !== value) throw new Error(`${found[name]} ${name} after dispose()`);
  }
  return { played: count - Math.max(left, 0), isCutShort, disposeMs, peak };
}

async function soak(dispatch) {
  const random = randomFrom(seed);
  let turns = 0;
  // Two of five rounds are cut short, the first of those that count among them.
  const nextRound = () => {
    const cutAt = random.integer(1, CONNECTIONS_A_ROUND);
    const isCutShort = [1, 3].includes(turns++ % 5);
    return round(dispatch, CONNECTIONS_A_ROUND, random, isCutShort ? cutAt : undefined);
  };
  // Everything that is made once and stays, is made now.
  for (let turn = 0; turn < 3; turn++) await nextRound();
  const before = await settledUsage();
  const startMs = Date.now();
  const result = { dispatch, seed, rounds: 0, cutShort: 0, connections: 0 };
  Object.assign(result, { disposeMsMax: 0, descriptorsMax: 0, mappedBytesMax: 0 });
  const isDone = () =>
    values.seconds === undefined
      ? result.connections >= Number(values.connections)
      : Date.now() - startMs >= Number(values.seconds) * 1000;
  while (!isDone()) {
    const { played, isCutShort, disposeMs, peak } = await nextRound();
    result.rounds++;
    result.cutShort += Number(isCutShort);
    result.connections += played;
    result.disposeMsMax = Math.max(result.disposeMsMax, disposeMs);
    result.descriptorsMax = Math.max(result.descriptorsMax, peak.descriptors);
    result.mappedBytesMax = Math.max(result.mappedBytesMax, peak.mappedBytes);
  }
  const seconds = (Date.now() - startMs) / 1000;
  const after = await settledUsage();
  const problems = [];
  for (const name of ['descriptors', 'threads', 'mappedBytes']) {
    if (after[name] > before[name]) problems.push(`${name}: ${before[name]} -> ${after[name]}`);
  }
  if (after.rss > before.rss + rssSlack) problems.push(`rss: ${before.rss} -> ${after.rss}`);
  // Figures that never move would prove nothing.
  if (!(result.mappedBytesMax > 0)) problems.push('no memory was ever mapped');
  if (!(result.descriptorsMax > before.descriptors)) problems.push('no descriptor was ever open');
  if (leaked.length > 0) problems.push(`operations leaked: ${leaked}`);
  console.log(JSON.stringify({ ...result, seconds, before, after, problems }));
  return problems;
}

const watchdog = setTimeout(
  () => {
    console.error(`soak: hangs (seed ${seed})`);
    process.exit(1);
  },
  (Number(values.seconds ?? 60) + 120) * 1000,
);
const problems = [];
for (const dispatch of values.dispatch === 'both' ? ['loop', 'thread'] : [values.dispatch]) {
  problems.push(...(await soak(dispatch)));
}
clearTimeout(watchdog);
for (const problem of problems) console.error(`soak: ${problem} (seed ${seed})`);
process.exitCode = problems.length > 0 ? 1 : 0;
