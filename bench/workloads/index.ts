// All workloads, in the order of the command's help.
import type { Workload } from '../workload.js';
import { bulk } from './bulk.js';
import { busy } from './busy.js';
import { churn } from './churn.js';
import { echo } from './echo.js';
import { http } from './http.js';
import { idle } from './idle.js';
import { pipe } from './pipe.js';

export const workloads: readonly Workload[] = [echo, churn, bulk, pipe, idle, busy, http];

export const workloadNames: readonly string[] = workloads.map(({ name }) => name);
