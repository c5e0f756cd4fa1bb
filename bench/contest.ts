// What the workloads that compare rates have in common: servers side by side, each with its load generator, one
// measured at a time in rounds whose order rotates. Knows nothing of what the load is.
import { setTimeout as sleep } from 'node:timers/promises';
import { allowedCpus, type Placement, placeOn } from './cpus.js';
import type { Driver, RuntimePaths, ServerTask } from './drivers/driver.js';
import type { ConnectLoad, Load, TrialResult } from './load.js';
import {
  cpuList,
  decimal,
  flag,
  integer,
  nameList,
  type OptionTable,
  text,
  UsageError,
  type ValuesOf,
} from './options.js';
import { Outcome } from './outcome.js';
import { countInstructions, type Instructions, whyPerfIsUnavailable } from './perf.js';
import { Progress } from './progress.js';
import type { RowResult } from './result.js';
import { type CpuTime, Server } from './server.js';

const rampSecondsMax = 0.1;
const settleMs = 3; // the server's way into its sleep after its last reply

/** Options that every workload has. */
export function commonOptions(drivers: readonly Driver[]) {
  const names = drivers.map((driver) => driver.name);
  const byDefault = drivers.filter((driver) => !driver.isOptional).map((driver) => driver.name);
  return {
    drivers: nameList('comma-separated', names, byDefault),
    bun: text(
      'PATH',
      "Bun's binary, or the folder of an 'npm install bun'; else $BUN, else on PATH",
    ),
    deno: text(
      'PATH',
      "Deno's binary, or the folder of an 'npm install deno'; else $DENO, else on PATH",
    ),
    sharedCore: flag('server and load generator on one core'),
    serverCpus: cpuList("the server's cores, such as 2,3 or 4-7"),
    json: text('FILE', 'write everything that was measured to FILE'),
  } satisfies OptionTable;
}

/** Options of the workloads that run rounds of timed load. */
export function roundOptions() {
  return {
    seconds: decimal('seconds of a round of one driver', 0.5, 0.01, 600),
    rounds: integer('rounds', 12, 1, 1000),
    warmUp: decimal('seconds of load on each server before the first round', 1.5, 0, 600),
    countRounds: integer('rounds that count instructions, where perf can', 2, 0, 100),
  } satisfies OptionTable;
}

export type CommonValues = ValuesOf<ReturnType<typeof commonOptions>>;
export type RoundValues = ValuesOf<ReturnType<typeof roundOptions>>;

/** Throws a UsageError for wishes that exclude each other. */
export function checkPlacement({ sharedCore, serverCpus }: CommonValues): void {
  if (sharedCore && serverCpus !== undefined) {
    throw new UsageError('--shared-core and --server-cpus exclude each other');
  }
}

/** The end of a row's id: 'own', 'shared', or the cores that were asked for. */
export function placementWord({ sharedCore, serverCpus }: CommonValues): string {
  if (sharedCore) return 'shared';
  return serverCpus === undefined ? 'own' : `cpus${serverCpus.join('+')}`;
}

/** What of the options says how it was measured, for a row's conditions. */
export function roundConditions({
  sharedCore,
  seconds,
  rounds,
  warmUp,
}: CommonValues & RoundValues) {
  return { sharedCore, seconds, rounds, warmUp };
}

/** The drivers that were asked for, in the order in which they were. */
export function selectDrivers(all: readonly Driver[], names: readonly string[]): readonly Driver[] {
  return names.flatMap((name) => all.filter((driver) => driver.name === name));
}

export interface Contest {
  readonly drivers: readonly Driver[];
  readonly task: ServerTask;
  readonly load: ConnectLoad;
  /** Why there is no load here; undefined where there is one. */
  readonly loadUnavailable?: string | undefined;
  /** What is counted, as it stands in the names of metrics: cpuNsPerMessage. */
  readonly unit: 'Message' | 'Connection' | 'Kibibyte' | 'Request';
  /** How many cores the server gets unless the command line says it. Default: 1. */
  readonly serverCoreCount?: number;
  /** The workload's own figures of a trial. */
  figures(trial: TrialResult): Readonly<Record<string, number>>;
}

interface Contender {
  readonly outcome: Outcome;
  readonly server: Server;
  readonly load: Load;
}

export type ContestResult = Pick<
  RowResult,
  'placement' | 'perfUnavailable' | 'drivers' | 'seconds'
>;

/** Measures every driver. A driver's failure is in its outcome; it never rejects for one. */
export async function runContest(
  contest: Contest,
  options: CommonValues & RoundValues,
): Promise<ContestResult> {
  const startedMs = performance.now();
  const placement = placeOn(allowedCpus(), options, contest.serverCoreCount);
  const perfUnavailable =
    options.countRounds === 0 ? 'not asked for (--count-rounds 0)' : whyPerfIsUnavailable();
  const countRounds = perfUnavailable === undefined ? options.countRounds : 0;
  const driverCount = contest.drivers.length;
  const progress = new Progress(driverCount * (1 + options.rounds + countRounds));
  const outcomes = contest.drivers.map((driver) => new Outcome(driver));
  const contenders: Contender[] = [];
  try {
    progress.phase(`warm-up: ${driverCount} drivers, ${options.warmUp} s each`);
    for (const outcome of outcomes) {
      progress.trial(outcome.driver.name);
      const contender = await start(contest, outcome, options, placement);
      if (contender) contenders.push(contender);
    }
    const ramp = Math.min(rampSecondsMax, options.seconds / 5);
    await runRounds('round', options.rounds, contenders, progress, async ({ load, ...rest }) => {
      await load.trial(ramp);
      rest.outcome.add(await measure(contest, { load, ...rest }, options.seconds));
    });
    await runRounds('counting round', countRounds, contenders, progress, async (contender) => {
      await contender.load.trial(ramp);
      contender.outcome.add(await count(contender, options.seconds));
    });
  } finally {
    progress.end();
    await Promise.all(contenders.map(stop));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const drivers = outcomes.map((outcome) => outcome.result());
  return {
    placement,
    ...(perfUnavailable === undefined ? {} : { perfUnavailable }),
    drivers,
    seconds,
  };
}

/** Starts a driver's server; undefined, with the reason in the outcome, where that fails. */
export async function startServer(
  outcome: Outcome,
  task: ServerTask,
  runtimes: RuntimePaths,
  placement: Placement,
): Promise<Server | undefined> {
  try {
    outcome.command = outcome.driver.command(task, runtimes);
    return await Server.start(outcome.command, placement.serverCpus);
  } catch (error) {
    outcome.fail(error, 'unavailable');
    return undefined;
  }
}

/** Starts a driver's server, connects the load and warms both up; undefined where that fails. */
async function start(
  { task, load: connect, loadUnavailable }: Contest,
  outcome: Outcome,
  options: CommonValues & RoundValues,
  placement: Placement,
): Promise<Contender | undefined> {
  if (loadUnavailable !== undefined) {
    outcome.fail(loadUnavailable, 'unavailable');
    return undefined;
  }
  const server = await startServer(outcome, task, options, placement);
  if (server === undefined) return undefined;
  let load: Load | undefined;
  try {
    load = await connect(server, placement.loadCpu, options.sharedCore);
    if (options.warmUp > 0) await load.trial(options.warmUp);
    outcome.threads = server.threadCount();
    server.pause();
    return { outcome, server, load };
  } catch (error) {
    outcome.fail(await server.reasonFor(error));
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
      if (contender === undefined || !contender.outcome.isOk) continue;
      progress.trial(contender.outcome.driver.name);
      try {
        contender.server.resume();
        await work(contender);
        contender.server.pause();
      } catch (error) {
        contender.outcome.fail(await contender.server.reasonFor(error));
        await stop(contender);
      }
    }
  }
}

async function measure(
  contest: Contest,
  { server, load }: Contender,
  seconds: number,
): Promise<Readonly<Record<string, number>>> {
  await sleep(settleMs);
  const before = server.cpuTime();
  const trial = await measuredTrial(load, seconds);
  await sleep(settleMs);
  return { ...contest.figures(trial), ...costs(contest.unit, trial, before, server.cpuTime()) };
}

/** A trial whose figures count. Rejects where nothing came back in it, of which no figure can be made. */
async function measuredTrial(load: Load, seconds: number): Promise<TrialResult> {
  const trial = await load.trial(seconds);
  if (trial.unitsWithDrain === 0) throw new Error('nothing came back in the time of the trial');
  return trial;
}

/** What the server and the load generator spent on a trial, for each unit of it. */
export function costs(
  unit: Contest['unit'],
  trial: TrialResult,
  before: CpuTime,
  after: CpuTime,
): Readonly<Record<string, number>> {
  const cpuNs = after.processNs - before.processNs;
  const mainThreadCpuNs = after.mainThreadNs - before.mainThreadNs;
  const elapsedNs = trial.secondsWithDrain * 1e9;
  return {
    [`cpuNsPer${unit}`]: cpuNs / trial.unitsWithDrain,
    [`mainThreadCpuNsPer${unit}`]: mainThreadCpuNs / trial.unitsWithDrain,
    coreUse: cpuNs / elapsedNs,
    waitShare: (after.waitNs - before.waitNs) / elapsedNs,
    ...(trial.generatorCpuNs === undefined
      ? {}
      : { [`generatorCpuNsPer${unit}`]: trial.generatorCpuNs / trial.unitsWithDrain }),
  };
}

/** The latencies of a trial as metrics; none where its load does not tell. */
export function latencies({ latencyNs }: TrialResult): Readonly<Record<string, number>> {
  if (latencyNs === undefined) return {};
  return {
    latencyP50Ns: latencyNs.p50,
    latencyP90Ns: latencyNs.p90,
    latencyP99Ns: latencyNs.p99,
    latencyP999Ns: latencyNs.p999,
    latencyMaxNs: latencyNs.max,
  };
}

/** Instructions per unit: the process and, where it has other threads, the main thread apart, in a trial of its own. */
async function count(
  { outcome, server, load }: Contender,
  seconds: number,
): Promise<Readonly<Record<string, number>>> {
  const perUnit = async (target: { pid: number } | { tid: number }): Promise<Instructions> => {
    let units = 0;
    const counted = await countInstructions(target, async () => {
      units = (await measuredTrial(load, seconds)).unitsWithDrain;
      await sleep(settleMs);
    });
    return { user: counted.user / units, kernel: counted.kernel / units };
  };
  const whole = await perUnit({ pid: server.pid });
  const main = outcome.threads > 1 ? await perUnit({ tid: server.pid }) : whole;
  return {
    userInstructions: whole.user,
    kernelInstructions: whole.kernel,
    instructions: whole.user + whole.kernel,
    mainThreadInstructions: main.user + main.kernel,
  };
}

async function stop({ outcome, server, load }: Contender): Promise<void> {
  await load.stop();
  await stopServer(outcome, server);
}

/** Ends a driver's server. One that has to be killed has failed. */
export async function stopServer(outcome: Outcome, server: Server): Promise<void> {
  const stoppedInTime = await server.stop();
  if (!stoppedInTime) outcome.fail(new Error('did not stop on SIGTERM and was killed'));
}
