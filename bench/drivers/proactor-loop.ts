import { type EchoDriver, exampleCommand } from './driver.js';

export const proactorLoop: EchoDriver = {
  name: 'proactor-loop',
  description: 'TcpAcceptor and TcpStream, completions dispatched on the event loop',
  command: () => exampleCommand('loop', 'tcp'),
};
