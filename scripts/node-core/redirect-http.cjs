// Makes the connections of Node's own protocols come from this package: those of all servers, of the agents, and of plain
// clients of HTTP/2.
'use strict';

const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const tls = require('node:tls');
const { promisify } = require('node:util');

/** Replaces a function that makes servers, or their constructor, by one that calls `attach` with each. */
function attaching(make, attach) {
  return new Proxy(make, {
    apply(target, self, args) {
      const made = Reflect.apply(target, self, args);
      // Nothing: it was called for what inherits from it.
      attach(made ?? self);
      return made;
    },
    construct: (target, args, newTarget) => attach(Reflect.construct(target, args, newTarget)),
  });
}

function redirectServers(attach) {
  for (const [module, names] of [
    [http, ['createServer', 'Server']],
    [https, ['createServer', 'Server']],
    [tls, ['createServer', 'Server']],
    [http2, ['createServer', 'createSecureServer']],
  ]) {
    for (const name of names) module[name] = attaching(module[name], attach);
  }
}

/** Node's agents can be made without `new`; the classes of this package cannot. */
const callable = (Agent) =>
  new Proxy(Agent, { apply: (target, _self, args) => Reflect.construct(target, args) });

function redirectAgents({ HttpAgent, HttpsAgent }) {
  for (const [module, Agent] of [
    [http, HttpAgent],
    [https, HttpsAgent],
  ]) {
    const { keepAlive, scheduling, timeout } = module.globalAgent.options;
    module.globalAgent = new Agent({ keepAlive, scheduling, timeout });
    module.Agent = callable(Agent);
  }
}

// With all that Node gives its own `net`. Over TLS they have options that only http2 itself knows how to turn into those of
// tls.
function redirectHttp2Clients(net) {
  const { connect: nodeConnect } = http2;
  const createConnection = ({ port, hostname }, options) => {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return net.connect({ port: String(port || 80), host, ...options });
  };
  const connect = (authority, options, listener) => {
    if (typeof options === 'function') return connect(authority, undefined, options);
    const isPlain = String(authority).startsWith('http:');
    return nodeConnect(authority, isPlain ? { createConnection, ...options } : options, listener);
  };
  connect[promisify.custom] = (authority, options) =>
    new Promise((resolve, reject) => {
      const session = connect(authority, options, () => {
        session.off('error', reject);
        resolve(session);
      });
      session.once('error', reject);
    });
  http2.connect = connect;
}

/** `proactor` is `proactor/http`, `net` is `proactor/net`. */
exports.redirectHttp = (proactor, net) => {
  redirectServers(proactor.attach);
  redirectAgents(proactor);
  redirectHttp2Clients(net);
};
