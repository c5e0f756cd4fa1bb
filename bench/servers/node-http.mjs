// The servers that one writes with node:http and node:https, on node:net or on proactor/net.
import { createReadStream } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { pipeline } from 'node:stream';
import { identityOf, readOptions, select } from './common.mjs';
import { bodies } from './http-bodies.mjs';
import { chooseNet, listen, netOptions } from './net-module.mjs';

const options = readOptions({
  ...netOptions,
  body: { type: 'string', default: 'hello' },
  file: { type: 'string' },
});
const { attach } = await chooseNet(options);

function answer() {
  const body = select(bodies, { mode: options.body });
  return (_request, response) => {
    response.setHeader('Content-Type', 'text/plain');
    response.end(body);
  };
}

// Without a length: the response is chunked.
function sendFile() {
  return (_request, response) => {
    response.setHeader('Content-Type', 'application/octet-stream');
    pipeline(createReadStream(options.file), response, (error) => {
      if (error) response.destroy();
    });
  };
}

const handler = select({ http: answer, file: sendFile }, options)();
const identity = identityOf(options);
listen(attach(identity ? https.createServer(identity, handler) : http.createServer(handler)));
