// What has to be said beside a row's figures: how it was measured, what disturbed it, who could not be measured.
import type { Machine } from '../machine.js';
import { formatMetric } from '../metrics.js';
import type { RowResult } from '../result.js';

const quietWaitMax = 0.05;

export function describeMachineLine(machine: Machine): string {
  const { kernel, cpuModel, cpuCount, nodeVersion } = machine;
  return `${kernel}, ${cpuModel} × ${cpuCount}, Node ${nodeVersion}`;
}

/** `2 passes of 12 rounds of 0.5 s; server on core 1, load on core 0`. */
export function describeMeasuring({ conditions, placement, passes = [] }: RowResult): string {
  const { rounds, seconds } = conditions;
  const length = seconds === undefined ? '' : ` of ${seconds} s`;
  const often = passes.length > 1 ? `${passes.length} passes of ` : '';
  return [
    ...(rounds === undefined ? [] : [`${often}${rounds} round${rounds === 1 ? '' : 's'}${length}`]),
    describePlacement(placement),
  ].join('; ');
}

function describePlacement({ serverCpus, loadCpu }: RowResult['placement']): string {
  const cores = `core${serverCpus.length === 1 ? '' : 's'} ${serverCpus.join(',')}`;
  return serverCpus.includes(loadCpu)
    ? `server on ${cores}, load on core ${loadCpu} too`
    : `server on ${cores}, load on core ${loadCpu}`;
}

/** A server of one thread that waits for its core, while the load has another, has company there. */
export function disturbances({ drivers, placement }: RowResult): readonly string[] {
  if (placement.serverCpus.includes(placement.loadCpu)) return [];
  return drivers.flatMap(({ name, status, threads, metrics }) => {
    const waiting = metrics['waitShare']?.median ?? 0;
    if (status !== 'ok' || threads !== 1 || waiting < quietWaitMax) return [];
    const share = formatMetric('waitShare', waiting);
    return [`The machine was not quiet: ${name} waited ${share} of the time for its core.`];
  });
}

export function troubles({ drivers }: RowResult): readonly string[] {
  return drivers
    .filter(({ status }) => status !== 'ok')
    .map(({ name, status, reason }) => `${name} ${status}: ${reason ?? 'no reason given'}`);
}

/** Twelve digits, and whether files differed from the commit. */
export function shortCommit(commit: string): string {
  const [digits = '', ...marks] = commit.split('-');
  return [digits.slice(0, 12), ...marks].join('-');
}
