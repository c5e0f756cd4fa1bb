// Turns the measured rounds into medians, the tables on the terminal and the JSON file.
import Table from 'cli-table3';
import type { Machine } from './machine.js';
import type { EchoOptions } from './options.js';
import type { Instructions } from './perf.js';
import { median, medianOfRatios } from './statistics.js';
import type { DriverResult, EchoResult, Round } from './workloads/echo.js';

const quietWaitMax = 0.05;

export interface Summary {
  readonly messagesPerSecond: number | undefined;
  readonly throughputToNodeNet: number | undefined;
  readonly throughputToCUring: number | undefined;
  readonly latencyP50Ns: number | undefined;
  readonly latencyP99Ns: number | undefined;
  readonly cpuNsPerMessage: number | undefined;
  readonly cpuToNodeNet: number | undefined;
  readonly cpuToCUring: number | undefined;
  readonly mainThreadCpuNsPerMessage: number | undefined;
  readonly mainThreadCpuToNodeNet: number | undefined;
  /** The part of a core that the server used; below 1 the load generator was what limited it. */
  readonly serverCpuUse: number | undefined;
  readonly userInstructions: number | undefined;
  readonly kernelInstructions: number | undefined;
  readonly instructions: number | undefined;
  readonly instructionsToNodeNet: number | undefined;
  readonly instructionsToCUring: number | undefined;
  readonly mainThreadInstructions: number | undefined;
  readonly mainThreadInstructionsToNodeNet: number | undefined;
}

export function summarize(result: DriverResult, all: readonly DriverResult[]): Summary {
  const nodeNet = all.find((each) => each.name === 'node-net' && each.status === 'ok');
  const cUring = all.find((each) => each.name === 'c-uring' && each.status === 'ok');
  const rounds = (value: (round: Round) => number) => roundValues(result, value);
  const toReference = (reference: DriverResult | undefined, value: (round: Round) => number) =>
    medianOfRatios(rounds(value), reference ? roundValues(reference, value) : []);
  const cpu = (round: Round) => round.cpuNsPerMessage;
  const mainCpu = (round: Round) => round.mainThreadCpuNsPerMessage;
  const rate = (round: Round) => round.messagesPerSecond;
  const instructions = medianInstructions(result, 'process');
  const mainThread = medianInstructions(result, 'mainThread').total;
  return {
    messagesPerSecond: median(rounds(rate)),
    throughputToNodeNet: toReference(nodeNet, rate),
    throughputToCUring: toReference(cUring, rate),
    latencyP50Ns: median(rounds((round) => round.latencyNs.p50)),
    latencyP99Ns: median(rounds((round) => round.latencyNs.p99)),
    cpuNsPerMessage: median(rounds(cpu)),
    cpuToNodeNet: toReference(nodeNet, cpu),
    cpuToCUring: toReference(cUring, cpu),
    mainThreadCpuNsPerMessage: median(rounds(mainCpu)),
    mainThreadCpuToNodeNet: toReference(nodeNet, mainCpu),
    serverCpuUse: median(rounds((round) => round.cpuNs / (round.secondsWithDrain * 1e9))),
    userInstructions: instructions.user,
    kernelInstructions: instructions.kernel,
    instructions: instructions.total,
    instructionsToNodeNet: ratio(instructions.total, medianTotal(nodeNet, 'process')),
    instructionsToCUring: ratio(instructions.total, medianTotal(cUring, 'process')),
    mainThreadInstructions: mainThread,
    mainThreadInstructionsToNodeNet: ratio(mainThread, medianTotal(nodeNet, 'mainThread')),
  };
}

function roundValues(result: DriverResult, value: (round: Round) => number): readonly number[] {
  return result.rounds.map(value);
}

function medianInstructions(result: DriverResult, whose: 'process' | 'mainThread') {
  const of = (value: (counted: Instructions) => number) =>
    median(result.countRounds.map((round) => value(round[whose])));
  return {
    user: of(({ user }) => user),
    kernel: of(({ kernel }) => kernel),
    total: of(({ user, kernel }) => user + kernel),
  };
}

function medianTotal(result: DriverResult | undefined, whose: 'process' | 'mainThread') {
  return result && medianInstructions(result, whose).total;
}

function ratio(value: number | undefined, reference: number | undefined): number | undefined {
  return value === undefined || !reference ? undefined : value / reference;
}

/** The tables and notes for the terminal. */
export function formatReport(options: EchoOptions, machine: Machine, result: EchoResult): string {
  const parts = [describeRun(options, machine, result), timeTable(result)];
  if (result.perfUnavailable === undefined) {
    parts.push(
      'Instructions per message (perf, in rounds of their own):',
      instructionTable(result),
    );
  } else {
    parts.push(`Instructions per message: n/a: ${result.perfUnavailable}`);
  }
  parts.push(...disturbances(options, result));
  const troubles = result.drivers.filter((driver) => driver.status !== 'ok');
  parts.push(...troubles.map((driver) => `${driver.name} ${driver.status}: ${driver.reason}`));
  return parts.join('\n');
}

/** A server of one thread that waits for its core, while the load has another, has company there. */
function disturbances(options: EchoOptions, { drivers }: EchoResult): readonly string[] {
  if (options.sharedCore) return [];
  return drivers.flatMap((driver) => {
    const waiting = median(
      driver.rounds.map((round) => round.waitNs / (round.secondsWithDrain * 1e9)),
    );
    if (driver.threads !== 1 || waiting === undefined || waiting < quietWaitMax) return [];
    return [
      `The machine was not quiet: ${driver.name} waited ${percent(waiting)} of the time for its core.`,
    ];
  });
}

function describeRun(options: EchoOptions, machine: Machine, { placement }: EchoResult): string {
  const { connections, size, depth, seconds, rounds } = options;
  const load = `${connections} connections × ${size} B, depth ${depth}, ${rounds} rounds of ${seconds} s`;
  const isShared = placement.serverCpus.includes(placement.loadCpu);
  const cores = isShared
    ? `server and load share core ${placement.loadCpu}${options.sharedCore ? ', the server first' : ''}`
    : `server on core ${placement.serverCpus.join(',')}, load on core ${placement.loadCpu}`;
  return [
    `TCP echo, ${load}; ${cores}`,
    `${machine.kernel}, ${machine.cpuModel} × ${machine.cpuCount}, Node ${machine.nodeVersion}`,
  ].join('\n');
}

function timeTable(result: EchoResult): string {
  const head = ['driver', 'msg/s', '× node-net', '× c-uring', 'p50 µs', 'p99 µs'];
  const cpuHead = ['CPU ns/msg', '× c-uring', 'main ns/msg', '× node-net', 'core use'];
  return renderTable([...head, ...cpuHead], result, (summary) => [
    integer(summary.messagesPerSecond),
    decimals(summary.throughputToNodeNet, 2),
    decimals(summary.throughputToCUring, 2),
    decimals(microseconds(summary.latencyP50Ns), 1),
    decimals(microseconds(summary.latencyP99Ns), 1),
    integer(summary.cpuNsPerMessage),
    decimals(summary.cpuToCUring, 2),
    integer(summary.mainThreadCpuNsPerMessage),
    decimals(summary.mainThreadCpuToNodeNet, 3),
    percent(summary.serverCpuUse),
  ]);
}

function instructionTable(result: EchoResult): string {
  const head = ['driver', 'user', 'kernel', 'total', '× node-net', '× c-uring'];
  return renderTable([...head, 'main thread', '× node-net'], result, (summary) => [
    integer(summary.userInstructions),
    integer(summary.kernelInstructions),
    integer(summary.instructions),
    decimals(summary.instructionsToNodeNet, 2),
    decimals(summary.instructionsToCUring, 3),
    integer(summary.mainThreadInstructions),
    decimals(summary.mainThreadInstructionsToNodeNet, 3),
  ]);
}

function renderTable(
  head: readonly string[],
  { drivers }: EchoResult,
  cells: (summary: Summary) => readonly string[],
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  for (const driver of drivers) {
    if (driver.status === 'ok') {
      table.push([driver.name, ...cells(summarize(driver, drivers))]);
    } else {
      table.push([
        driver.name,
        { colSpan: head.length - 1, hAlign: 'left', content: `${driver.status}, see below` },
      ]);
    }
  }
  return table.toString();
}

function microseconds(ns: number | undefined): number | undefined {
  return ns === undefined ? undefined : ns / 1000;
}

function integer(value: number | undefined): string {
  return value === undefined ? 'n/a' : Math.round(value).toLocaleString('en-US');
}

function decimals(value: number | undefined, digits: number): string {
  return value === undefined ? 'n/a' : value.toFixed(digits);
}

function percent(value: number | undefined): string {
  return value === undefined ? 'n/a' : `${Math.round(value * 100)}%`;
}

/** Everything that was measured, round by round, as it goes to the JSON file. */
export function jsonReport(
  options: EchoOptions,
  machine: Machine,
  result: EchoResult,
  startedAt: Date,
): string {
  const drivers = result.drivers.map((driver) => ({
    ...driver,
    summary: driver.status === 'ok' ? summarize(driver, result.drivers) : undefined,
  }));
  const report = { benchmark: 'echo', startedAt: startedAt.toISOString(), machine, options };
  return `${JSON.stringify({ ...report, ...result, drivers }, undefined, 2)}\n`;
}
