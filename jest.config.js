// Runs the compiled tests (build/test) as they are: no transform, so what is tested is what ships.
// No forceExit: a test that leaves a handle open keeps the process alive, and scripts/test.mjs reports that.
'use strict';

module.exports = {
  rootDir: __dirname,
  roots: ['<rootDir>/build/test'],
  testMatch: ['**/*.test.js'],
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/build/test/support/leftovers.js'],
  transform: {},
  // In emulation (test/vm) code runs some twenty times slower.
  testTimeout: process.env.PROACTOR_VM ? 300_000 : 15_000,
  maxWorkers: 1,
};
