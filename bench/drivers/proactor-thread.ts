import { type EchoDriver, exampleCommand } from './driver.js';

export const proactorThread: EchoDriver = {
  name: 'proactor-thread',
  description: 'TcpAcceptor and TcpStream, the ring owned by an I/O thread',
  command: () => exampleCommand('thread', 'tcp'),
};
