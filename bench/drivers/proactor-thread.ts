import { type Driver, proactorCommand, scriptModes } from './driver.js';

export const proactorThread: Driver = {
  name: 'proactor-thread',
  description: 'TcpAcceptor and TcpStream, the ring owned by an I/O thread',
  modes: scriptModes,
  collectsGarbage: true,
  command: (task) => proactorCommand(task, '--dispatch', 'thread'),
};
