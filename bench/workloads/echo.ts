// The echo workload: TCP echo servers side by side, one measured at a time, in rounds whose order rotates.
import { setTimeout as sleep } from 'node:timers/promises';
import { allowedCpus, type Placement, placeOn } from '../cpus.js';
import type { EchoDriver } from '../drivers/driver.js';
import { drivers } from '../drivers/index.js';
import { LoadGenerator, type TrialResult } from '../load.js';
import type { EchoOptions } from '../options.js';
import { nativeProgram } from '../paths.js';
import { countInstructions, type Instructions, whyPerfIsUnavailable } from '../perf.js';
import { Progress } from '../progress.js';
import { Server } from '../server.js';

const rampSecondsMax = 0.1;
const settleMs = 3; // the server's way into its sleep after its last reply

/** A round of one driver: what the load generator saw and what the server's threads spent on it. */
export interface Round extends TrialResult {
  readonly cpuNs: number;
  readonly mainThreadCpuNs: number;
  readonly waitNs: number;
  readonly cpuNsPerMessage: number;
  readonly mainThreadCpuNsPerMessage: number;
}

/** Instructions per message, counted in a round of its own. */
export interface CountRound {
  readonly process: Instructions;
  readonly mainThread: Instructions;
}

/**
 * 'unavailable': it never listened, `reason` has its own words. 'failed': it listened and then did something
 * wrong; the rounds before that are kept.
 */
export interface DriverResult {
  readonly name: string;
  readonly description: string;
  status: 'ok' | 'unavailable' | 'failed';
  reason?: string;
  command: readonly string[];
  threads: number;
  readonly rounds: Round[];
  readonly countRounds: CountRound[];
}

export interface EchoResult {
  readonly placement: Placement;
  /** Why instructions were not counted; undefined when they were. */
  readonly perfUnavailable: string | undefined;
  readonly drivers: readonly DriverResult[];
}

interface Contender {
  readonly result: DriverResult;
  readonly server: Server;
  readonly load: LoadGenerator;
}

export async function runEcho(options: EchoOptions): Promise<EchoResult> {
  const placement = placeOn(allowedCpus(), options);
  const selected = options.drivers.flatMap((name) => drivers.filter((each) => each.name === name));
  const perfUnavailable =
    options.countRounds === 0 ? 'not asked for (--count-rounds 0)' : whyPerfIsUnavailable();
  const countRounds = perfUnavailable === undefined ? options.countRounds : 0;
  const progress = new Progress(selected.length * (1 + options.rounds + countRounds));
  const results: DriverResult[] = [];
  const contenders: Contender[] = [];
  try {
    progress.phase(`warm-up: ${selected.length} drivers, ${options.warmUp} s each`);
    for (const driver of selected) {
      progress.trial(driver.name);
      const result = emptyResult(driver);
      results.push(result);
      const contender = await start(driver, result, options, placement);
      if (contender) contenders.push(contender);
    }
    const ramp = Math.min(rampSecondsMax, options.seconds / 5);
    await runRounds('round', options.rounds, contenders, progress, async (contender) => {
      await contender.load.trial(ramp);
      contender.result.rounds.push(await measure(contender, options.seconds));
    });
    await runRounds('counting round', countRounds, contenders, progress, async (contender) => {
      await contender.load.trial(ramp);
      contender.result.countRounds.push(await count(contender, options.seconds));
    });
  } finally {
    progress.end();
    await Promise.all(contenders.map(stop));
  }
  return { placement, perfUnavailable, drivers: results };
}

function emptyResult(driver: EchoDriver): DriverResult {
  const { name, description } = driver;
  return { name, description, status: 'ok', command: [], threads: 0, rounds: [], countRounds: [] };
}

/** Starts a driver's server, connects the load and warms both up; undefined where that fails. */
async function start(
  driver: EchoDriver,
  result: DriverResult,
  options: EchoOptions,
  placement: Placement,
): Promise<Contender | undefined> {
  let server: Server;
  try {
    result.command = driver.command(options);
    server = await Server.start(result.command, placement.serverCpus);
  } catch (error) {
    fail(result, error, 'unavailable');
    return undefined;
  }
  let load: LoadGenerator | undefined;
  try {
    const program = nativeProgram('load_generator');
    load = await LoadGenerator.connect(program, server, options, placement.loadCpu);
    if (options.warmUp > 0) await load.trial(options.warmUp);
    result.threads = server.threadCount();
    server.pause();
    return { result, server, load };
  } catch (error) {
    fail(result, await server.reasonFor(error));
    await load?.stop();
    await server.stop();
    return undefined;
  }
}

/** Runs `work` for every contender that has not failed, `count` times, each time in another order. */
async function runRounds(
  label: string,
  count: number,
  contenders: readonly Contender[],
  progress: Progress,
  work: (contender: Contender) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < count; round++) {
    progress.phase(`${label} ${round + 1} of ${count}`);
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length];
      if (contender === undefined || contender.result.status !== 'ok') continue;
      progress.trial(contender.result.name);
      try {
        contender.server.resume();
        await work(contender);
        contender.server.pause();
      } catch (error) {
        fail(contender.result, await contender.server.reasonFor(error));
        await stop(contender);
      }
    }
  }
}

async function measure({ server, load }: Contender, seconds: number): Promise<Round> {
  await sleep(settleMs);
  const before = server.cpuTime();
  const trial = await load.trial(seconds);
  await sleep(settleMs);
  const after = server.cpuTime();
  const cpuNs = after.processNs - before.processNs;
  const mainThreadCpuNs = after.mainThreadNs - before.mainThreadNs;
  return {
    ...trial,
    cpuNs,
    mainThreadCpuNs,
    waitNs: after.waitNs - before.waitNs,
    cpuNsPerMessage: cpuNs / trial.messagesWithDrain,
    mainThreadCpuNsPerMessage: mainThreadCpuNs / trial.messagesWithDrain,
  };
}

/** The process and, where it has other threads, the main thread apart, each in a trial of its own. */
async function count({ result, server, load }: Contender, seconds: number): Promise<CountRound> {
  const perMessage = async (target: { pid: number } | { tid: number }): Promise<Instructions> => {
    let messages = 0;
    const counted = await countInstructions(target, async () => {
      messages = (await load.trial(seconds)).messagesWithDrain;
      await sleep(settleMs);
    });
    return { user: counted.user / messages, kernel: counted.kernel / messages };
  };
  const process = await perMessage({ pid: server.pid });
  const mainThread = result.threads > 1 ? await perMessage({ tid: server.pid }) : process;
  return { process, mainThread };
}

async function stop({ result, server, load }: Contender): Promise<void> {
  await load.stop();
  const stoppedInTime = await server.stop();
  if (!stoppedInTime) fail(result, new Error('did not stop on SIGTERM and was killed'));
}

function fail(result: DriverResult, error: unknown, status: 'unavailable' | 'failed' = 'failed') {
  if (result.status !== 'ok') return;
  result.status = status;
  result.reason = error instanceof Error ? error.message : String(error);
}
