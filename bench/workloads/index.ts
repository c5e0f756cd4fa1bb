// All workloads, in the order of the command's help.
import type { Workload } from '../workload.js';
import { bulk } from './bulk.js';
import { busy } from './busy.js';
import { churn } from './churn.js';
import { echo } from './echo.js';
import { file } from './file.js';
import { grpc } from './grpc.js';
import { http, https } from './http.js';
import { http2 } from './http2.js';
import { http2Stream } from './http2-stream.js';
import { idle } from './idle.js';
import { pipe } from './pipe.js';
import { tlsBulk, tlsChurn } from './tls.js';

export const workloads: readonly Workload[] = [
  ...[echo, churn, bulk, pipe, idle, busy],
  ...[http, https, http2, http2Stream, grpc, file, tlsBulk, tlsChurn],
];

export const workloadNames: readonly string[] = workloads.map(({ name }) => name);
