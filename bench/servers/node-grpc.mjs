// The server that one writes with @grpc/grpc-js, on node:net or on proactor/net: one method, which answers with a stream
// of messages. A message is a Buffer as it is: what a codec costs would be the same on both.
//
// grpc-js makes its server of HTTP/2 in bindAsync() and lets nobody at it before it listens, when it is too late for
// attach(). But it takes connections from elsewhere: createConnectionInjector(), a part of its API, is handed every
// connection of a server of node:net, which attach() puts on the Proactor as it does any other.
import { createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { readOptions } from './common.mjs';
import { messageMaker, sendMessages, streamOptions } from './messages.mjs';
import { chooseNet, listen, netOptions } from './net-module.mjs';

const options = readOptions({ ...netOptions, ...streamOptions });
const { attach } = await chooseNet(options);
const message = messageMaker(options);

const bytes = (buffer) => buffer;
const grpc = new Server();
grpc.addService(
  {
    stream: {
      path: '/proactor.Bench/Stream',
      requestStream: false,
      responseStream: true,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  },
  { stream: (call) => sendMessages(call, message, options) },
);

const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
const onConnection = (socket) => injector.injectConnection(socket);
listen(attach(createServer({ noDelay: true }, onConnection)));
