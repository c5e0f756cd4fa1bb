// The grpc workload: one call of @grpc/grpc-js's server at a time, which answers with a stream of messages. The load is
// h2load, since a call of gRPC is a request of HTTP/2; a client of grpc-js makes the first one and compares its messages.
import { writeFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { h2load, whyH2loadIsUnavailable } from '../h2load.js';
import type { Target } from '../load.js';
import { madeFile } from '../made-file.js';
import {
  dueMessages,
  type StreamShape,
  streamFigures,
  streamShape,
  streamTitle,
  streamWord,
} from '../messages.js';
import { responseTimeoutMs } from '../responses.js';
import { expectSameBytes } from '../same-bytes.js';

const method = '/proactor.Bench/Stream';
/** In front of each message: whether it is compressed, and its length. */
const prefixBytes = 5;

export const grpc = contestWorkload({
  name: 'grpc',
  summary: 'A server stream of gRPC (@grpc/grpc-js) with many messages, by h2load.',
  drivers: driversFor(['grpc']),
  shape: streamShape,
  headline: 'messagesPerSecond',
  idOf: streamWord,
  titleOf: (values) => `One gRPC server stream of ${streamTitle(values)}`,
  contestOf: (values) => ({
    task: {
      ...{ mode: 'grpc', connections: 1, bytesOutstanding: values.messages * values.size },
      stream: { messages: values.messages, messageBytes: values.size },
    },
    load: h2load({
      ...{ path: method, tls: false, connections: 1, streams: 1, options: callOptions() },
      responseBytes: values.messages * (prefixBytes + values.size),
      unitsPerResponse: values.messages,
      check: (target) => checkCall(target, values),
    }),
    loadUnavailable: whyH2loadIsUnavailable(),
    unit: 'Message',
    figures: streamFigures(values),
  }),
});

/** A call of gRPC whose only message is empty. */
function callOptions(): readonly string[] {
  const file = madeFile('empty-message', (made) => {
    writeFileSync(made, Buffer.alloc(prefixBytes));
  });
  const headers = ['content-type: application/grpc', 'te: trailers'];
  return ['--data', file, ...headers.flatMap((header) => ['--header', header])];
}

/** Rejects unless a call brings exactly the messages that it should, and then the status OK. */
async function checkCall({ host, port }: Target, values: StreamShape): Promise<void> {
  const client = new Client(`${host}:${port}`, credentials.createInsecure());
  const bytes = (buffer: Buffer) => buffer;
  const deadline = Date.now() + responseTimeoutMs;
  try {
    const call = client.makeServerStreamRequest(method, bytes, bytes, Buffer.alloc(0), {
      deadline,
    });
    await expectSameBytes(call, dueMessages(values));
  } finally {
    client.close();
  }
}
