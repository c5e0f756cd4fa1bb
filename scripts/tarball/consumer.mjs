// The folder of somebody who installs the tarball: empty, without a compiler, without the tools that build addons.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { root } from '../common.mjs';
import { expectNone } from './checklist.mjs';

const COMPILERS = [
  'cc',
  'c++',
  'gcc',
  'g++',
  'clang',
  'make',
  'cmake',
  'python',
  'python3',
  'node-gyp',
];
/** Characters of a failed command's output that are shown. */
const OUTPUT_MAX = 3000;
const sources = path.join(root, 'scripts', 'tarball-consumer');

export function findInPath(name) {
  const folder = process.env.PATH.split(path.delimiter).find((directory) => {
    const found = spawnSync('test', ['-x', path.join(directory, name)]);
    return found.status === 0;
  });
  if (folder === undefined) throw new Error(`${name} is not in PATH`);
  return realpathSync(path.join(folder, name));
}

export class Consumer {
  /** `node` is the binary that programs called `node` are run with. */
  constructor(folder, node) {
    this.folder = path.join(folder, 'consumer');
    this.tools = path.join(folder, 'bin');
    this.node = node;
    mkdirSync(this.folder, { recursive: true });
    mkdirSync(this.tools, { recursive: true });
    symlinkSync(node, path.join(this.tools, 'node'));
    for (const name of ['sh', 'env']) symlinkSync(findInPath(name), path.join(this.tools, name));
    const manifest = { name: 'consumer', private: true, type: 'commonjs' };
    writeFileSync(path.join(this.folder, 'package.json'), JSON.stringify(manifest));
    // Nothing of this checkout may be found: no addon, and no settings of npm that `npm test` has set.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(PROACTOR_|NODE_|npm_)/i.test(name),
    );
    this.env = { ...Object.fromEntries(inherited), PATH: this.tools };
  }

  /** Runs a command there and returns what it ended with and printed. */
  run([command, ...args], { timeoutMs = 120_000 } = {}) {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: this.folder,
        env: this.env,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      });
      const printed = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) {
        child[name].setEncoding('utf8').on('data', (text) => {
          printed[name] += text;
        });
      }
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ ended: signal ?? code, ...printed }));
    });
  }

  /** The same for a command that has to succeed; returns its output. */
  async output(command, options) {
    const { ended, stdout, stderr } = await this.run(command, options);
    if (ended === 0) return stdout;
    throw new Error(
      `${command.map((word) => path.basename(word)).join(' ')} ended with ${ended}\n${(stdout + stderr).slice(0, OUTPUT_MAX)}`,
    );
  }

  /** Proves that nothing can be compiled there. */
  async checkNoCompiler() {
    const found = [];
    for (const name of COMPILERS) {
      const { ended, stdout } = await this.run(['sh', '-c', `command -v ${name}`]);
      if (ended === 0) found.push(`${name} is found at ${stdout.trim()}`);
    }
    expectNone(found);
  }

  /** Installs `tarball` with the npm whose command-line program is `npm`, and nothing else comes with it. */
  async install(tarball, npm, options) {
    await this.output([this.node, npm, 'install', '--offline', ...options, tarball]);
    const lock = JSON.parse(readFileSync(path.join(this.folder, 'package-lock.json'), 'utf8'));
    const installed = readdirSync(path.join(this.folder, 'node_modules')).filter(
      (name) => !name.startsWith('.'),
    );
    const problems = installed
      .filter((name) => name !== 'proactor')
      .map((name) => `${name} was installed as well`);
    if (lock.packages['node_modules/proactor'].hasInstallScript)
      problems.push('npm sees an install script');
    expectNone(problems);
  }

  /** Adds the programs that use the package. */
  addPrograms() {
    cpSync(sources, this.folder, { recursive: true });
  }
}

/** The command-line program of the npm that runs this script, or of the one in PATH. */
export function ownNpm() {
  const running = process.env.npm_execpath;
  return running?.endsWith('npm-cli.js') ? running : findInPath('npm');
}
