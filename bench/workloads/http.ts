// The workloads http and https: requests of node:http's and node:https's servers, whatever their connections run on,
// from wrk.
import { latencies } from '../contest.js';
import { contestWorkload } from '../contest-workload.js';
import { driversFor, tlsDriversFor } from '../drivers/index.js';
import { integer, oneOf } from '../options.js';
import { whyWrkIsUnavailable, wrkLoad } from '../wrk.js';

/** As in servers/http-bodies.mjs; each server's first response is compared with it. */
export const bodies = { hello: 'hello', '10KiB': 'proactor'.repeat((10 * 1024) / 8) } as const;

export const bodyShape = { body: oneOf('what is answered', ['hello', '10KiB']) };

/** As it stands in titles. */
export function bodyTitle(body: keyof typeof bodies): string {
  return body === 'hello' ? "'hello'" : '10 KiB';
}

const shape = { ...bodyShape, connections: integer('TCP connections', 64, 1, 4096) };

export const http = httpWorkload(
  'http',
  false,
  'HTTP requests over connections that stay, by wrk.',
);

export const https = httpWorkload(
  'https',
  true,
  'HTTPS requests over connections that stay, by wrk.',
);

function httpWorkload(name: string, tls: boolean, summary: string) {
  return contestWorkload({
    name,
    summary,
    drivers: tls ? tlsDriversFor(['http']) : driversFor(['http']),
    shape,
    headline: 'requestsPerSecond',
    idOf: ({ body, connections }) => `${body}/${connections}`,
    titleOf: ({ body, connections }) =>
      `${name.toUpperCase()}, ${bodyTitle(body)}, ${connections} connections`,
    contestOf: ({ body, connections }) => ({
      task: { mode: 'http', connections, bytesOutstanding: bodies[body].length, body, tls },
      load: wrkLoad(connections, bodies[body], tls),
      loadUnavailable: whyWrkIsUnavailable(),
      unit: 'Request',
      figures: (trial) => ({ requestsPerSecond: trial.units / trial.seconds, ...latencies(trial) }),
    }),
  });
}
