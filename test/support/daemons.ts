// Servers of the distribution's packages, each started for one test file on a folder and a port of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { patient } from './pace';

const START_LIMIT_MS = 15_000;

/** Where a program is, on PATH or in one of the folders; undefined if it is not installed. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(path.delimiter), ...folders];
  return places.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));
}

/** Where Debian has the programs of PostgreSQL, the newest version first. */
export function postgresFolders(): string[] {
  const base = '/usr/lib/postgresql';
  if (!fs.existsSync(base)) return [];
  const versions = fs.readdirSync(base).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => path.join(base, version, 'bin'));
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** Whom to run as what root must not: `nobody` if this is root. */
export function unprivileged(): Identity {
  if (process.getuid?.() !== 0) return {};
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(fs.readFileSync('/etc/passwd', 'utf8'));
  if (line === null) throw new Error('there is no user nobody');
  return { uid: Number(line[1]), gid: Number(line[2]) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export interface Daemon {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
}

interface Start {
  /** Prepares the folder, before the server starts. */
  readonly prepare?: (folder: string, identity: Identity) => void;
  readonly program: string;
  readonly args: (folder: string, port: number) => readonly string[];
  /** What it prints when it serves. */
  readonly ready: RegExp;
  /** What ends it at once, whoever is connected. */
  readonly stopSignal: NodeJS.Signals;
}

async function startDaemon({ prepare, program, args, ready, stopSignal }: Start): Promise<Daemon> {
  const identity = unprivileged();
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'proactor-daemon-'));
  if (identity.uid !== undefined) fs.chownSync(folder, identity.uid, identity.gid!);
  const port = await freePort();
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill(stopSignal);
      await once(child, 'exit');
    }
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    prepare?.(folder, identity);
    child = spawn(program, args(folder, port), { cwd: folder, stdio: 'pipe', ...identity });
    await untilReady(child, ready);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, folder, stop };
}

function untilReady(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => fail('is not ready in time'), patient(START_LIMIT_MS));
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`${child.spawnfile} ${why}: ${output}`));
    };
    const look = (text: Buffer): void => {
      output += text;
      if (!ready.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
  });
}

/** Redis, without a file of its own, on a port and on `redis.sock` in its folder. */
export const startRedis = (program: string): Promise<Daemon> =>
  startDaemon({
    program,
    args: (folder, port) => [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--unixsocket', `${folder}/redis.sock`],
      ...['--unixsocketperm', '777', '--save', '', '--appendonly', 'no', '--dir', folder],
    ],
    ready: /Ready to accept connections/i,
    stopSignal: 'SIGTERM',
  });

/** PostgreSQL with an empty database, whose user `postgres` needs no password. */
export const startPostgres = (program: string): Promise<Daemon> =>
  startDaemon({
    program,
    prepare(folder, identity) {
      const initdb = path.join(path.dirname(fs.realpathSync(program)), 'initdb');
      const options = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-locale'];
      const args = ['-D', `${folder}/data`, ...options, '--no-sync', '--no-instructions'];
      execFileSync(initdb, args, { cwd: folder, stdio: 'pipe', ...identity });
    },
    args: (folder, port) => [
      ...['-D', `${folder}/data`, '-F', '-p', `${port}`, '-h', '127.0.0.1', '-k', folder],
      ...['-c', 'log_min_messages=warning', '-c', 'max_connections=20'],
    ],
    ready: /ready to accept connections/,
    stopSignal: 'SIGINT',
  });

/** MariaDB without accounts: whoever connects may do everything. */
export const startMariadb = (program: string): Promise<Daemon> =>
  startDaemon({
    program,
    prepare: (folder, { uid, gid }) => {
      fs.mkdirSync(`${folder}/data`);
      if (uid !== undefined) fs.chownSync(`${folder}/data`, uid, gid!);
    },
    args: (folder, port) => [
      ...['--no-defaults', `--datadir=${folder}/data`, '--skip-grant-tables'],
      ...[`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${folder}/mariadb.sock`],
      ...['--skip-log-bin', '--innodb-use-native-aio=0'],
    ],
    ready: /ready for connections/,
    stopSignal: 'SIGTERM',
  });
