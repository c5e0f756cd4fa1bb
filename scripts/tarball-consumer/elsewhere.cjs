// What the package does on another platform: it imports, says why it cannot be used, and throws nothing before that.
Object.defineProperty(process, 'platform', { value: 'darwin' });
const { Proactor } = require('proactor');

const { available, reason } = Proactor.probe();
if (available || !/Linux/.test(reason)) throw new Error(`probe(): ${available}, ${reason}`);
try {
  new Proactor();
} catch (error) {
  if (error.code !== 'ERR_IO_URING_UNAVAILABLE') throw error;
  process.exit(0);
}
throw new Error('a Proactor could be made');
