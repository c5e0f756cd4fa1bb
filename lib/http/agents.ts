// Connections of Node's own clients of HTTP: agents, and a function for those who use none.
import { type ClientRequestArgs, Agent as NodeHttpAgent } from 'node:http';
import { Agent as NodeHttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from '../net';
import { connectPlain, connectSecure, connectUnder, type HttpConnectOptions } from './http-connect';

// Through a proxy, which newer agents know, Node connects by itself.
function hasProxy(agent: object): boolean {
  const { options } = agent as { options: { proxyEnv?: object } };
  return options.proxyEnv !== undefined;
}

type CreateArguments = Parameters<NodeHttpAgent['createConnection']>;
type Connecting = (...args: readonly unknown[]) => Duplex;

/** As Node's agent for https takes them: options, or a port, perhaps a host, and options. */
function optionsOf(args: readonly unknown[]): HttpConnectOptions {
  const [port, host] = args;
  const options = args.find((arg) => typeof arg === 'object' && arg !== null);
  return {
    ...options,
    ...(typeof port === 'number' ? { port } : {}),
    ...(typeof host === 'string' ? { host } : {}),
  };
}

/**
 * As `http.Agent`, whose connections are made by `proactor/net`: for `http.request({ agent })` and for all
 * libraries that take an agent.
 */
export class HttpAgent extends NodeHttpAgent {
  /** Makes a connection, for the agent's own use; its arguments are those of `net.connect`. */
  override createConnection(...args: CreateArguments): Duplex | null | undefined {
    if (hasProxy(this)) return super.createConnection(...args);
    return (connect as Connecting)(...args);
  }
}

/**
 * As `https.Agent`, on connections that are made by `proactor/net`. TLS is Node's own, with all its
 * options; sessions are resumed as in `https.Agent`.
 */
export class HttpsAgent extends NodeHttpsAgent {
  /** Makes a connection, for the agent's own use; its arguments are those of `https.Agent`. */
  override createConnection(...args: CreateArguments): Duplex | null | undefined {
    if (hasProxy(this)) return super.createConnection(...args);
    const [, callback] = args;
    const options = optionsOf(args);
    const socket = options.socket ?? connectUnder(options);
    const secure = super.createConnection({ ...options, socket } as ClientRequestArgs, callback);
    // TLS that ends before the connection is there would leave it be, and be told of its failure.
    secure?.once('close', () => socket.destroy());
    if (options.timeout)
      (secure as { setTimeout?(ms: number): void }).setTimeout?.(options.timeout);
    return secure;
  }
}

/** Which of Node's modules a request was made with. */
function isSecure(options: ClientRequestArgs): boolean {
  const { protocol, _defaultAgent } = options as ClientRequestArgs & {
    _defaultAgent?: { protocol?: string };
  };
  return /^(https|wss):$/.test(protocol ?? _defaultAgent?.protocol ?? '');
}

/**
 * For `http.request({ createConnection })`, `https.request({ createConnection })` and what passes that on,
 * such as `new WebSocket(url, { createConnection })` of `ws`: each request gets a connection of its own,
 * with TLS where it is one of `https`.
 */
export function createConnection(options: ClientRequestArgs): Duplex {
  const connectOptions = options as HttpConnectOptions;
  return isSecure(options) ? connectSecure(connectOptions) : connectPlain(connectOptions);
}
