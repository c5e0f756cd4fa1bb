// A TCP proxy: passes each connection on to another server, byte for byte, from the memory it was received into.
//
//   node examples/tcp-proxy.mjs --port 7002 --to 127.0.0.1:7000 [--host 127.0.0.1] [--dispatch loop|thread]
//
// Each direction ends by itself (half-close), each is held back when its reader is slow, and a
// reset is passed on.
import { parseArgs } from 'node:util';
import { Proactor, TcpAcceptor, TcpStream } from 'proactor';

const USAGE = `usage: node examples/tcp-proxy.mjs --to HOST:PORT [options]
  --to HOST:PORT          where connections go; an IPv6 address in brackets
  --port N                port to listen on, 0 for a free one           (7002)
  --host H                address to listen on                          (127.0.0.1)
  --dispatch loop|thread  how completions come to JavaScript            (loop)
  --connect-timeout MS    how long connecting to --to may take          (5000)
  --help                  show this`;

function fail(message, code = 1) {
  console.error(`tcp-proxy: ${message}`);
  process.exit(code);
}

function integer(name, text, min, max) {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  return fail(`--${name} must be an integer from ${min} to ${max}, not '${text}'`, 2);
}

function checkDispatch(name) {
  if ([undefined, 'loop', 'thread'].includes(name)) return;
  fail(`--dispatch must be loop or thread, not '${name}'`, 2);
}

function target(text) {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text ?? '');
  if (match === null) return fail(`--to must be HOST:PORT, not '${text ?? ''}'`, 2);
  const [, v6, host, port] = match;
  return { host: v6 ?? host, port: integer('to', port, 1, 65535) };
}

function parseOptions() {
  const options = {
    to: { type: 'string' },
    port: { type: 'string', default: '7002' },
    host: { type: 'string', default: '127.0.0.1' },
    dispatch: { type: 'string' },
    'connect-timeout': { type: 'string', default: '5000' },
    help: { type: 'boolean', default: false },
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    fail(`${error.message}\n\n${USAGE}`, 2);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  checkDispatch(values.dispatch);
  return {
    to: target(values.to),
    listen: { host: values.host, port: integer('port', values.port, 0, 65535) },
    dispatch: values.dispatch,
    timeoutMs: integer('connect-timeout', values['connect-timeout'], 1, 600_000),
  };
}

/** Passes on what comes from one side, and its end. */
function relay(from, to) {
  from.onData = (chunk) => {
    // The chunk is sent from where it was received. False: `to` has enough waiting, so nothing more
    // is received.
    if (!to.destroyed && !to.write(chunk)) from.pause();
  };
  to.onDrain = () => from.resume();
  from.onEnd = () => {
    if (!to.destroyed) to.end().catch(() => {});
  };
  from.onClose = (error) => {
    if (error !== undefined && !to.destroyed) to.resetAndDestroy();
  };
}

async function serve(client) {
  const { host, port } = to;
  // Nothing is received from the client before there is somebody to pass it on to.
  let server;
  try {
    server = await TcpStream.connect(proactor, { host, port, timeoutMs, allowHalfOpen: true });
  } catch (error) {
    if (!proactor.disposed) console.error(`tcp-proxy: ${error.message}`);
    client.resetAndDestroy();
    return;
  }
  if (client.destroyed) {
    server.resetAndDestroy();
    return;
  }
  relay(client, server);
  relay(server, client);
}

const { to, listen, dispatch, timeoutMs } = parseOptions();
let proactor;
let acceptor;
try {
  proactor = new Proactor({ dispatch });
  acceptor = await TcpAcceptor.listen(proactor, { ...listen, allowHalfOpen: true }, serve);
} catch (error) {
  fail(error.message);
}
acceptor.onError = (error) => console.error(`tcp-proxy: ${error.message}`);
const { address, family, port } = acceptor.address;
console.log(`listening on ${family === 'IPv6' ? `[${address}]` : address}:${port}`);

async function stop() {
  await acceptor.close();
  await proactor.dispose();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
