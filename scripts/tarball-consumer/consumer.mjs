// Imports the installed package from an ES module and echoes. The class is the one that require() gives.
import { createRequire } from 'node:module';
import { Proactor, TcpAcceptor, TcpStream } from 'proactor';

const required = createRequire(import.meta.url)('proactor');
if (required.Proactor !== Proactor) throw new Error('import and require give different classes');

async function echo(dispatch) {
  const proactor = new Proactor({ dispatch });
  const acceptor = await TcpAcceptor.listen(proactor, { host: '127.0.0.1', port: 0 }, (stream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
  const client = await TcpStream.connect(proactor, {
    host: '127.0.0.1',
    port: acceptor.address.port,
  });
  await client.writeAsync('hello');
  const answer = `${await client.read()}`;
  client.destroy();
  await acceptor.close();
  await proactor.dispose();
  if (answer !== 'hello') throw new Error(`${dispatch}: echoed '${answer}'`);
  console.log(`import: ${dispatch} dispatch echoes`);
}

const report = Proactor.probe();
if (report.available) {
  await echo('loop');
  await echo('thread');
} else {
  console.log(`io_uring cannot be used here (${report.reason}): not echoed`);
}
