// All workloads, in the order of the command's help.
import type { Workload } from '../workload.js';
import { echo } from './echo.js';

export const workloads: readonly Workload[] = [echo];

export const workloadNames: readonly string[] = workloads.map(({ name }) => name);
