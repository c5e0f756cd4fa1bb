// A worker with a proactor of its own; it echoes once, says so, and lives on with a receive in flight.
import { parentPort } from 'node:worker_threads';
import { Proactor, TcpAcceptor, TcpStream } from 'proactor';

const proactor = new Proactor();
const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1', port: 0 }, (stream) => {
  stream.onData = (chunk) => stream.write(chunk);
});
const { port } = acceptor.address;
const client = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
client.onData = () => parentPort.postMessage('echoed');
client.write('hello');
