// Loaded before a test of Node's, and in each process and worker that it starts: gives it the `net` that the run is about.
'use strict';

const { writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const isNet = (id) => id === 'net' || id === 'node:net';
const root = path.dirname(path.dirname(__dirname));
const own = path.join(root, 'dist', path.sep);

/** This package's `net`. At the end of a process whose connections it made, there is a file `marker`. */
function ownNet({ dispatch, marker }) {
  const { channels, Proactor } = require('proactor');
  const proactors = [];
  channels.open.subscribe(({ proactor }) => proactors.push(proactor));
  process.on('exit', () => {
    if (proactors.some((proactor) => proactor.stats().submitted > 0)) writeFileSync(marker, '');
  });
  const net = require('proactor/net');
  if (dispatch !== undefined) net.useProactor(new Proactor({ dispatch }));
  return net;
}

/** Makes `require` of everything but this package itself answer with `net`. */
function redirectRequire(net) {
  const load = Module._load;
  Module._load = function (request, parent, isMain) {
    const isOwn = parent?.filename?.startsWith(own);
    return isNet(request) && !isOwn ? net : load.call(this, request, parent, isMain);
  };
  const getBuiltin = process.getBuiltinModule;
  if (getBuiltin !== undefined)
    process.getBuiltinModule = (id) => (isNet(id) ? net : getBuiltin.call(process, id));
}

/** The same of `import`. Only where it is needed: in Node 20 it is a thread more. */
function redirectImport() {
  if (!process.argv[1]?.endsWith('.mjs')) return;
  const hooks = pathToFileURL(path.join(__dirname, 'redirect-import.mjs'));
  Module.register(hooks, { data: { own: pathToFileURL(own).href } });
}

// Absent where a test gives a child an environment of its own.
const settings = process.env.PROACTOR_NODE_CORE && JSON.parse(process.env.PROACTOR_NODE_CORE);
if (settings) {
  const net = settings.net === 'node' ? require('node:net') : ownNet(settings);
  redirectRequire(net);
  if (settings.net !== 'node') redirectImport();
  if (settings.net !== 'node' && settings.attached) {
    const { redirectHttp } = require('./redirect-http.cjs');
    redirectHttp(require('proactor/http'), net);
  }
}
