// The servers that one writes with node:http2, in clear or over TLS, on node:net or on proactor/net.
import * as http2 from 'node:http2';
import { identityOf, readOptions, select } from './common.mjs';
import { bodies } from './http-bodies.mjs';
import { messageMaker, sendMessages, streamOptions } from './messages.mjs';
import { chooseNet, listen, netOptions } from './net-module.mjs';

const options = readOptions({
  ...netOptions,
  ...streamOptions,
  body: { type: 'string', default: 'hello' },
});
const { attach } = await chooseNet(options);

function answer() {
  const body = select(bodies, { mode: options.body });
  return (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' });
    stream.end(body);
  };
}

function sendStream() {
  const message = messageMaker(options);
  return (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    sendMessages(stream, message, options);
  };
}

const serve = select({ http2: answer, 'http2-stream': sendStream }, options)();
const identity = identityOf(options);
const server = identity ? http2.createSecureServer(identity) : http2.createServer();
server.on('stream', (stream) => {
  stream.on('error', () => stream.destroy());
  serve(stream);
});
listen(attach(server));
