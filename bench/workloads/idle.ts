// The idle workload: what a connection costs a server that has nothing to do for it, in memory and in CPU time. Each
// round has fresh servers, so that none is measured with what an earlier round left behind. They idle all at the same
// time: what is measured is each process's own, whatever the others do.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CommonValues,
  checkPlacement,
  commonOptions,
  placementWord,
  selectDrivers,
  startServer,
  stopServer,
} from '../contest.js';
import { allowedCpus, type Placement, placeOn } from '../cpus.js';
import type { ServerTask } from '../drivers/driver.js';
import { driversFor } from '../drivers/index.js';
import type { Load } from '../load.js';
import { decimal, helpOf, integer, parseCommand } from '../options.js';
import { Outcome } from '../outcome.js';
import { Progress } from '../progress.js';
import type { Server } from '../server.js';
import type { Workload } from '../workload.js';
import { echoLoad } from './echo.js';

const drivers = driversFor(['echo']);

const messageBytes = 64;
// Before the first reading: long enough that code is compiled and each buffer of a pool was used. All of that is there
// once, however many connections follow.
const warmUp = { connections: 16, seconds: 0.3 };
// V8 shrinks its young generation, and gives back what is empty, only after several collections between which little
// was allocated: until then a heap is as large as the burst of connecting has made it. From the tenth on none of the
// servers changed any more.
const collections = 12;
const collectionPauseMs = 100;

const table = {
  connections: integer('TCP connections', 4000, 1, 20_000),
  seconds: decimal('seconds of idling in which CPU time is taken', 1, 0.01, 600),
  rounds: integer('rounds, each with fresh servers', 3, 1, 100),
  ...commonOptions(drivers),
};

export interface IdleOptions extends CommonValues {
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
}

const summary = 'Idle TCP connections: the memory of each, and the CPU time of all.';

export const idle: Workload<IdleOptions> = {
  name: 'idle',
  summary,
  helpText: helpOf('idle', summary, table),
  parse(argv) {
    const options = parseCommand(table, argv);
    if (options !== 'help') checkPlacement(options);
    return options;
  },
  rowId(options) {
    return `idle/${options.connections}/${placementWord(options)}`;
  },
  async run(options) {
    const startedMs = performance.now();
    const { connections, seconds, rounds, sharedCore } = options;
    const placement = placeOn(allowedCpus(), options);
    const outcomes = selectDrivers(drivers, options.drivers).map((driver) => new Outcome(driver));
    const progress = new Progress(rounds * outcomes.length);
    for (let round = 0; round < rounds; round++) {
      progress.phase(`round ${round + 1} of ${rounds}`);
      await runRound(outcomes, options, placement, progress);
    }
    progress.end();
    return {
      id: idle.rowId(options),
      workload: 'idle',
      title: `${connections.toLocaleString('en-US')} idle TCP connections`,
      conditions: { connections, sharedCore, seconds, rounds },
      headline: 'bytesPerConnection',
      higherIsBetter: false,
      placement,
      drivers: outcomes.map((outcome) => outcome.result()),
      seconds: (performance.now() - startedMs) / 1000,
    };
  },
};

/** Measures a fresh server of each driver. What fails is in the driver's outcome. */
async function runRound(
  outcomes: readonly Outcome[],
  options: IdleOptions,
  placement: Placement,
  progress: Progress,
): Promise<void> {
  const { connections, seconds } = options;
  const task: ServerTask = { mode: 'echo', connections, bytesOutstanding: messageBytes };
  const contenders: Contender[] = [];
  try {
    for (const outcome of outcomes) {
      progress.trial(outcome.driver.name);
      if (!outcome.isOk) continue;
      const server = await startServer(outcome, task, options, placement);
      if (server === undefined) continue;
      const contender = new Contender(outcome, server, placement, options.sharedCore);
      contenders.push(contender);
      await contender.attempt(() => contender.warmUp());
    }
    const together = (work: (contender: Contender) => Promise<void>) =>
      Promise.all(contenders.map((contender) => contender.attempt(() => work(contender))));
    await together((contender) => contender.readMemory());
    for (const contender of contenders) {
      await contender.attempt(() => contender.connect(connections));
    }
    await together((contender) => contender.readMemory());
    await together((contender) => contender.idle(seconds));
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

/** A driver's server in one round. */
class Contender {
  readonly #outcome: Outcome;
  readonly #server: Server;
  readonly #placement: Placement;
  readonly #sharedCore: boolean;
  #load: Load | undefined;
  #connections = 0;
  #bytesBefore: number | undefined;

  constructor(outcome: Outcome, server: Server, placement: Placement, sharedCore: boolean) {
    this.#outcome = outcome;
    this.#server = server;
    this.#placement = placement;
    this.#sharedCore = sharedCore;
  }

  /** Does nothing for a driver that has failed. */
  async attempt(work: () => Promise<void>): Promise<void> {
    if (!this.#outcome.isOk) return;
    try {
      await work();
    } catch (error) {
      this.#outcome.fail(await this.#server.reasonFor(error));
    }
  }

  async warmUp(): Promise<void> {
    await this.#connect(warmUp.connections, warmUp.seconds);
    await this.#disconnect();
  }

  /** Connects and lets each connection do one echo. */
  async connect(connections: number): Promise<void> {
    await this.#connect(connections, 0);
    this.#connections = connections;
    this.#outcome.threads = this.#server.threadCount();
  }

  /** Of the first reading a figure is made, of the second one what the connections have added to it. */
  async readMemory(): Promise<void> {
    for (let i = 0; i < collections; i++) {
      if (this.#outcome.driver.collectsGarbage) await this.#server.collectGarbage();
      await sleep(collectionPauseMs);
    }
    const bytes = this.#server.heldBytes();
    if (this.#bytesBefore === undefined) {
      this.#bytesBefore = bytes;
      this.#outcome.add({ bytesAtStart: bytes });
    } else {
      const bytesPerConnection = (bytes - this.#bytesBefore) / this.#connections;
      this.#outcome.add({ bytesPerConnection });
    }
  }

  async idle(seconds: number): Promise<void> {
    const before = this.#server.cpuTime().processNs;
    const startedMs = performance.now();
    await sleep(seconds * 1000);
    const cpuNs = this.#server.cpuTime().processNs - before;
    this.#outcome.add({ idleCpuShare: cpuNs / ((performance.now() - startedMs) * 1e6) });
  }

  async stop(): Promise<void> {
    await this.#disconnect();
    await stopServer(this.#outcome, this.#server);
  }

  async #connect(connections: number, seconds: number): Promise<void> {
    const shape = { connections, size: messageBytes, depth: 1, verify: true };
    const connect = echoLoad(shape);
    this.#load = await connect(this.#server, this.#placement.loadCpu, this.#sharedCore);
    await this.#load.trial(seconds);
  }

  async #disconnect(): Promise<void> {
    await this.#load?.stop();
    this.#load = undefined;
  }
}
