// Requires the installed package from a CommonJS module.
const { Proactor } = require('proactor');
const { Socket } = require('proactor/net');
const { attach } = require('proactor/http');

for (const [name, value] of Object.entries({ Proactor, Socket, attach })) {
  if (typeof value !== 'function') throw new Error(`require gives no ${name}`);
}
