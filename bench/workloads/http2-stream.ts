// The http2-stream workload: one stream of node:http2, on which the server writes message upon message for as long as
// there is room.
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { h2load, whyH2loadIsUnavailable } from '../h2load.js';
import { dueMessages, streamFigures, streamShape, streamTitle, streamWord } from '../messages.js';
import { checkHttp2 } from '../responses.js';
import { tlsShape, tlsWord } from './http2.js';

export const http2Stream = contestWorkload({
  name: 'http2-stream',
  summary: 'One stream of HTTP/2 with many messages, by h2load.',
  drivers: driversFor(['http2-stream']),
  shape: { ...streamShape, ...tlsShape },
  headline: 'messagesPerSecond',
  idOf: (values) => `${tlsWord(values.tls)}/${streamWord(values)}`,
  titleOf: (values) =>
    `One HTTP/2 stream${values.tls ? ' over TLS' : ''} of ${streamTitle(values)}`,
  contestOf: (values) => ({
    task: {
      ...{ mode: 'http2-stream', connections: 1, tls: values.tls },
      bytesOutstanding: values.messages * values.size,
      stream: { messages: values.messages, messageBytes: values.size },
    },
    load: h2load({
      ...{ tls: values.tls, connections: 1, streams: 1 },
      responseBytes: values.messages * values.size,
      unitsPerResponse: values.messages,
      check: (target) => checkHttp2(target, values.tls, dueMessages(values)),
    }),
    loadUnavailable: whyH2loadIsUnavailable(),
    unit: 'Message',
    figures: streamFigures(values),
  }),
});
