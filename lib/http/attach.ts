// Lets a server of Node's own, whatever it speaks, take its connections from the Proactor.
import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { Server } from 'node:net';
import { invalidArgType, proactorError } from '../errors';
import { usesProactor } from '../net';
import { checkOpen, contextOf, currentContext } from '../net/context';
import { takeConnections } from '../net/server';
import type { Proactor } from '../proactor';
import { checkObject } from '../validate';
import { watchProtocols } from './connections';

/** Options of `attach`. */
export interface AttachOptions {
  /**
   * The proactor to take connections from; by default the one that `proactor/net` uses. It stays the
   * caller's to dispose of, which ends the server's connections.
   */
  readonly proactor?: Proactor;
}

/** What each attached server was given. */
const attached = new WeakMap<Server, { proactor: Proactor | undefined }>();

// Of Node all are the first; of other runtimes, where this module adds nothing, not.
const kinds = [Server, HttpServer, HttpsServer];

/** @internal */
export function checkServer(value: unknown): asserts value is Server {
  if (!kinds.some((kind) => value instanceof kind)) {
    throw invalidArgType('server', 'an instance of net.Server', value);
  }
}

/**
 * Lets a server take its connections from the Proactor: one of `node:http`, `node:https`, `node:http2`,
 * `node:tls` or `node:net`, or of a library that is built on them. It has to be done before the server
 * listens. The server's own methods, events and options go on working; nothing else of it changes.
 *
 * A second call changes the proactor, if it names one. Where `usesProactor` of `proactor/net` is false
 * the server keeps its own connections.
 *
 * @returns the server.
 * @throws ERR_INVALID_ARG_TYPE; ERR_SERVER_ALREADY_LISTEN; ERR_PROACTOR_DISPOSED.
 */
export function attach<S extends Server>(server: S, options: AttachOptions = {}): S {
  checkServer(server);
  checkObject(options, 'options');
  const { proactor } = options;
  if (proactor !== undefined) checkOpen(proactor, 'options.proactor');
  if (server.listening) {
    throw proactorError(
      'ERR_SERVER_ALREADY_LISTEN',
      'The server listens already: attach() comes before listen()',
    );
  }
  const known = attached.get(server);
  if (known !== undefined) {
    known.proactor = proactor ?? known.proactor;
    return server;
  }
  const state = { proactor };
  attached.set(server, state);
  watchProtocols(server);
  if (usesProactor) {
    takeConnections(server, () =>
      state.proactor === undefined
        ? currentContext()
        : contextOf(checkOpen(state.proactor, 'options.proactor')),
    );
  }
  return server;
}
