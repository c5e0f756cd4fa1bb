import { type Driver, proactorCommand, scriptModes } from './driver.js';

export const proactorLoop: Driver = {
  name: 'proactor-loop',
  description: 'TcpAcceptor and TcpStream, completions dispatched on the event loop',
  modes: scriptModes,
  collectsGarbage: true,
  command: (task) => proactorCommand(task, '--dispatch', 'loop'),
};
