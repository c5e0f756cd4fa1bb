// Makes the connections of Node's own http come from this package: those of every server and of every agent.
'use strict';

const http = require('node:http');

/** Replaces http's constructor of servers by one that calls `attach` with each. */
function redirectServers(attach) {
  const { Server, createServer } = http;
  http.Server = new Proxy(Server, {
    apply: (target, self, args) => attached(Reflect.apply(target, self, args)),
    construct: (target, args, newTarget) => attached(Reflect.construct(target, args, newTarget)),
  });
  http.createServer = (...args) => attached(createServer(...args));
  function attached(server) {
    attach(server);
    return server;
  }
}

/** `attach(server)` and `createConnection(options, callback)` are those of `proactor/http`. */
exports.redirectHttp = ({ attach, createConnection }) => {
  redirectServers(attach);
  http.Agent.prototype.createConnection = createConnection;
};
