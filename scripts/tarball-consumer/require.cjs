// Requires the installed package from a CommonJS module.
const { Proactor } = require('proactor');

if (typeof Proactor !== 'function') throw new Error('require gives no Proactor');
