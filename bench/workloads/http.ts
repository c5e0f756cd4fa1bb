// The http workload: requests of node:http's server, whatever its connections run on, from wrk.
import { latencies } from '../contest.js';
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { integer, oneOf } from '../options.js';
import { whyWrkIsUnavailable, wrkLoad } from '../wrk.js';

/** As in servers/http-bodies.mjs; each server's first response is compared with it. */
const bodies = { hello: 'hello', '10KiB': 'proactor'.repeat((10 * 1024) / 8) } as const;

const shape = {
  body: oneOf('what is answered', ['hello', '10KiB']),
  connections: integer('TCP connections', 64, 1, 4096),
};

export const http = contestWorkload({
  name: 'http',
  summary: 'HTTP requests over connections that stay, by wrk.',
  drivers: driversFor(['http']),
  shape,
  headline: 'requestsPerSecond',
  idOf: ({ body, connections }) => `${body}/${connections}`,
  titleOf: ({ body, connections }) =>
    `HTTP, ${body === 'hello' ? "'hello'" : '10 KiB'}, ${connections} connections`,
  contestOf: ({ body, connections }) => ({
    task: { mode: 'http', connections, bytesOutstanding: bodies[body].length, body },
    load: wrkLoad(connections, bodies[body]),
    loadUnavailable: whyWrkIsUnavailable(),
    unit: 'Request',
    figures: (trial) => ({ requestsPerSecond: trial.units / trial.seconds, ...latencies(trial) }),
  }),
});
