// Results of a benchmark as they could have been measured, small enough to compute with by hand.
import {
  type DriverOutcome,
  metricsOf,
  type Pass,
  type RowResult,
  resultFormat,
  type SuiteResult,
} from '../../bench/result.js';

export const machine = {
  kernel: 'Linux 6.18.0',
  cpuModel: 'Some CPU',
  cpuCount: 4,
  memoryBytes: 8 * 2 ** 30,
  architecture: 'x64',
  nodeVersion: 'v20.20.2',
  isVirtual: true,
  gitCommit: '0123456789abcdef0123456789abcdef01234567',
};

export function driver(
  name: string,
  rounds: Readonly<Record<string, readonly number[]>>,
  more: Partial<DriverOutcome> = {},
): DriverOutcome {
  const rest = { description: `${name} of a test`, command: [name], threads: 1 };
  return { name, status: 'ok', metrics: metricsOf(rounds), ...rest, ...more };
}

export function row(
  id: string,
  drivers: readonly DriverOutcome[],
  more: Partial<RowResult> = {},
): RowResult {
  return {
    id,
    workload: id.split('/')[0] ?? '',
    title: `Title of ${id}`,
    conditions: { connections: 64, rounds: 5, seconds: 0.5 },
    headline: 'messagesPerSecond',
    higherIsBetter: true,
    placement: { serverCpus: [1], loadCpu: 0 },
    drivers,
    seconds: 10,
    ...more,
  };
}

/** Passes of so many rounds each, half an hour apart. */
export function passes(...rounds: readonly number[]): readonly Pass[] {
  return rounds.map((count, index) => ({
    startedAt: new Date(Date.UTC(2026, 0, 2, 3, 4 + 30 * index)).toISOString(),
    rounds: count,
  }));
}

export function suite(rows: readonly RowResult[], more: Partial<SuiteResult> = {}): SuiteResult {
  const startedAt = '2026-01-02T03:04:05.000Z';
  const finishedAt = '2026-01-02T03:14:05.000Z';
  return { format: resultFormat, startedAt, finishedAt, machine, rows, ...more };
}
