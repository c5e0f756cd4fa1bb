// The http2 workload: requests of node:http2's server, in clear or over TLS, many at a time on each connection.
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { h2load, whyH2loadIsUnavailable } from '../h2load.js';
import { flag, integer } from '../options.js';
import { checkHttp2 } from '../responses.js';
import { bodies, bodyShape, bodyTitle } from './http.js';

export const tlsShape = { tls: flag('over TLS rather than in clear') };

/** As it stands in ids. */
export function tlsWord(tls: boolean): string {
  return tls ? 'tls' : 'clear';
}

export const http2 = contestWorkload({
  name: 'http2',
  summary: 'HTTP/2 requests, many at a time on each connection, by h2load.',
  drivers: driversFor(['http2']),
  shape: {
    ...bodyShape,
    connections: integer('TCP connections', 8, 1, 4096),
    streams: integer('requests that a connection has at a time', 8, 1, 100),
    ...tlsShape,
  },
  headline: 'requestsPerSecond',
  idOf: ({ body, connections, streams, tls }) =>
    `${tlsWord(tls)}/${body}/${connections}x${streams}`,
  titleOf: ({ body, connections, streams, tls }) =>
    `HTTP/2${tls ? ' over TLS' : ''}, ${bodyTitle(body)}, ${connections} connections × ${streams} streams`,
  contestOf: ({ body, connections, streams, tls }) => {
    const due = Buffer.from(bodies[body]);
    return {
      task: { mode: 'http2', connections, bytesOutstanding: due.length * streams, body, tls },
      load: h2load({
        ...{ tls, connections, streams },
        ...{ responseBytes: due.length, unitsPerResponse: 1 },
        check: (target) => checkHttp2(target, tls, [due]),
      }),
      loadUnavailable: whyH2loadIsUnavailable(),
      unit: 'Request',
      figures: (trial) => ({ requestsPerSecond: trial.units / trial.seconds }),
    };
  },
});
