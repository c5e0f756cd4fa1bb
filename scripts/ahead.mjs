// Compiles what later stages of `npm test` need while earlier ones run, which wait for most of their time: one after the
// other, with the processor time that is left over.
import { spawn } from 'node:child_process';
import os from 'node:os';
import { root } from './common.mjs';

/** Runs a script of this project in the background. Fulfilled with its status and what it printed. */
function runBehind(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
    if (child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_LOW);
  });
}

export class Ahead {
  #last = Promise.resolve();
  #builds = new Map();

  /** Starts one when those before it are done. */
  start(name, args) {
    this.#last = this.#last.then(() => runBehind(args));
    this.#builds.set(name, this.#last);
  }

  /** Waits for one and prints what it printed, once. Whether it worked. */
  async works(name) {
    const build = await this.#builds.get(name);
    process.stdout.write(build.output);
    build.output = '';
    return build.code === 0;
  }
}
