// Plays the scenarios of a file with one variant of `net`, one after the other in this process, and appends what each
// observed to a file: `node play.js FILE VARIANT OUTPUT [--worker]`.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { patient } from '../../support/pace';
import { scenariosOf } from './compare';
import { type Scenario, Scene } from './scene';
import { type Variant, variantNamed } from './variant';

const LIMIT_MS = 10_000;
const TIMED_OUT = Symbol('timed out');

/** What one scenario observed, as a line of JSON. */
async function play(name: string, scenario: Scenario, variant: Variant): Promise<string> {
  const { submitted } = variant;
  const scene = new Scene(variant);
  const submittedBefore = submitted();
  const onError = (error: unknown): void => scene.log('process').add('uncaught', error);
  const onWarning = (warning: unknown): void => scene.log('process').add('warning', warning);
  process.on('uncaughtException', onError).on('warning', onWarning);
  const startMs = performance.now();
  const timer = new AbortController();
  const limit = delay(patient(LIMIT_MS), TIMED_OUT, timer).catch(() => {});
  const outcome = await Promise.race([
    (async () => scenario(scene))().catch((error) => scene.log('scenario').add('threw', error)),
    limit,
  ]);
  timer.abort();
  await scene.settle();
  const { logs } = scene;
  await scene.end();
  await scene.turns(2);
  process.off('uncaughtException', onError).off('warning', onWarning);
  return JSON.stringify({
    name,
    logs,
    isLate: outcome === TIMED_OUT,
    submitted: submitted() - submittedBefore + scene.submitted,
    ms: Math.round(performance.now() - startMs),
  });
}

async function playAll(file: string, variantName: string, output: string): Promise<void> {
  const variant = variantNamed(variantName);
  for (const [name, scenario] of scenariosOf(file)) {
    appendFileSync(output, `${await play(name, scenario, variant)}\n`);
  }
  // Not by process.exit(): it waits for V8's threads, and of one that compiles and needs the memory that this thread
  // would have to free it waits for ever, in Node 24 at least.
  process.kill(process.pid, 'SIGKILL');
}

const [, , file = '', variant = '', output = '', where] = isMainThread
  ? process.argv
  : (workerData as string[]);
if (isMainThread && where === '--worker') {
  const worker = new Worker(__filename, { workerData: process.argv });
  worker.once('exit', (code) => process.exit(code));
} else {
  void playAll(file, variant, output);
}
