// The echo workload as the command knows it: its options, and its rounds as a row of metrics.
import { type EchoOptions, helpText, parseOptions } from '../options.js';
import { type DriverOutcome, metricsOf, type RowResult } from '../result.js';
import type { Workload } from '../workload.js';
import { type DriverResult, type Round, runEcho } from './echo.js';

function rowId({ connections, size, depth, sharedCore }: EchoOptions): string {
  return `echo/${connections}x${size}B/depth${depth}/${sharedCore ? 'shared' : 'own'}`;
}

function outcomeOf(result: DriverResult): DriverOutcome {
  const { name, description, status, reason, command, threads, rounds, countRounds } = result;
  const of = (value: (round: Round) => number) => rounds.map(value);
  const share = (ns: number, round: Round) => ns / (round.secondsWithDrain * 1e9);
  return {
    ...{ name, description, status, command, threads },
    ...(reason !== undefined && { reason }),
    metrics: metricsOf({
      messagesPerSecond: of((round) => round.messagesPerSecond),
      latencyP50Ns: of((round) => round.latencyNs.p50),
      latencyP90Ns: of((round) => round.latencyNs.p90),
      latencyP99Ns: of((round) => round.latencyNs.p99),
      latencyP999Ns: of((round) => round.latencyNs.p999),
      latencyMaxNs: of((round) => round.latencyNs.max),
      cpuNsPerMessage: of((round) => round.cpuNsPerMessage),
      mainThreadCpuNsPerMessage: of((round) => round.mainThreadCpuNsPerMessage),
      coreUse: of((round) => share(round.cpuNs, round)),
      waitShare: of((round) => share(round.waitNs, round)),
      generatorCpuNsPerMessage: of((round) => round.generatorCpuNs / round.messagesWithDrain),
      userInstructions: countRounds.map(({ process }) => process.user),
      kernelInstructions: countRounds.map(({ process }) => process.kernel),
      instructions: countRounds.map(({ process }) => process.user + process.kernel),
      mainThreadInstructions: countRounds.map(({ mainThread: { user, kernel } }) => user + kernel),
    }),
  };
}

async function run(options: EchoOptions): Promise<RowResult> {
  const startedMs = performance.now();
  const { connections, size, depth, sharedCore, rounds, seconds, verify } = options;
  const { placement, perfUnavailable, drivers } = await runEcho(options);
  return {
    id: rowId(options),
    workload: 'echo',
    title: `TCP echo, ${connections} connections × ${size} B, depth ${depth}${sharedCore ? ', one core shared' : ''}`,
    conditions: { connections, size, depth, sharedCore, rounds, seconds, verify },
    headline: 'messagesPerSecond',
    higherIsBetter: true,
    placement,
    ...(perfUnavailable !== undefined && { perfUnavailable }),
    drivers: drivers.map(outcomeOf),
    seconds: (performance.now() - startedMs) / 1000,
  };
}

export const echo: Workload<EchoOptions> = {
  name: 'echo',
  summary: 'TCP echo: throughput, latency and CPU time per message',
  helpText,
  parse: parseOptions,
  rowId,
  run,
};
