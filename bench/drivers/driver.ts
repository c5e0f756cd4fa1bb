// What a driver is: a name and the command that starts its server for a task.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { identityFile } from '../identity.js';
import { type NativeProgram, nativeProgram, projectRoot } from '../paths.js';

/**
 * echo: what comes goes back. busy: so it does, and each message costs some JavaScript as well. sink: what comes is
 * counted. source: bytes are sent, as many as were asked for. pipe-sink, pipe-source: so they are, through the `pipe()`
 * of streams. http, http2: requests are answered. file: each request is answered with a file. http2-stream, grpc: each is
 * answered with a stream of messages.
 */
export type Mode =
  | 'echo'
  | 'busy'
  | 'sink'
  | 'source'
  | 'pipe-sink'
  | 'pipe-source'
  | 'http'
  | 'file'
  | 'http2'
  | 'http2-stream'
  | 'grpc';

/** What a server is asked to do. What is in it besides the mode is there for servers to be fitted to. */
export interface ServerTask {
  readonly mode: Mode;
  readonly connections: number;
  /** How many bytes a connection has outstanding: a receive buffer of that size takes them at once. */
  readonly bytesOutstanding: number;
  /** source: bytes of a write, a power of two of at most a MiB. */
  readonly chunkBytes?: number;
  /** busy: how many turns of the loop in servers/spin.mjs a message costs. */
  readonly busy?: { readonly iterations: number; readonly messageBytes: number };
  /** http, http2: what is answered, by its name in servers/http-bodies.mjs. */
  readonly body?: string;
  /** file: its path. */
  readonly file?: string;
  /** http2-stream, grpc: what a stream has. */
  readonly stream?: { readonly messages: number; readonly messageBytes: number };
  /** All that over TLS. */
  readonly tls?: boolean;
}

/** Where the programs are that neither the project nor the system brings; undefined: look for them. */
export interface RuntimePaths {
  readonly bun: string | undefined;
  readonly deno: string | undefined;
}

export interface Driver {
  readonly name: string;
  readonly description: string;
  readonly modes: readonly Mode[];
  /** Its server speaks TLS in each of these modes, where the task says so. */
  readonly speaksTls?: boolean;
  /** Its server collects garbage on SIGUSR2, and then prints `collected`. */
  readonly collectsGarbage: boolean;
  /** Measured only where it is asked for by name. */
  readonly isOptional?: boolean;
  /**
   * The command of a server on a port of its own choosing, which prints `listening on HOST:PORT` and ends on
   * SIGTERM. Throws an Error with the reason where it cannot be run.
   */
  command(task: ServerTask, runtimes: RuntimePaths): readonly string[];
}

export const nativeModes: readonly Mode[] = ['echo', 'sink', 'source'];
export const scriptModes: readonly Mode[] = [...nativeModes, 'busy'];
export const nodeModes: readonly Mode[] = [
  ...scriptModes,
  'pipe-sink',
  'pipe-source',
  'http',
  'file',
  'http2',
  'http2-stream',
  'grpc',
];

const bufferBytesMin = 4096;
const bufferBytesMax = 65_536;

/** The receive buffer that is fitted to a task, for servers that choose one. */
export function bufferBytesFor({ mode, bytesOutstanding }: ServerTask): number {
  if (mode === 'sink') return bufferBytesMax;
  return clamp(powerOfTwoFrom(bytesOutstanding), bufferBytesMin, bufferBytesMax);
}

export function powerOfTwoFrom(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

export function clamp(value: number, minimum: number, maximum: number): number {
  return Math.min(Math.max(value, minimum), maximum);
}

/** A script of servers/, with its path checked. */
export function serverScript(name: string): string {
  const script = path.join(projectRoot, 'bench/servers', name);
  if (!existsSync(script)) throw new Error(`bench/servers/${name} is missing`);
  return script;
}

/** A server of servers/, run by the Node that runs the benchmark. */
export function nodeCommand(script: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, '--expose-gc', serverScript(script), ...args];
}

/** The options of the servers in servers/. Throws an Error where a server of TLS can have no identity. */
export function scriptOptions(task: ServerTask): readonly string[] {
  const { mode, body, file, chunkBytes, busy, stream, tls } = task;
  const options = {
    ...{ mode, body, file, chunk: chunkBytes, iterations: busy?.iterations },
    ...{ messages: stream?.messages, 'message-bytes': (busy ?? stream)?.messageBytes },
    identity: tls ? identityFile() : undefined,
  };
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, `${value}`],
  );
}

/** A program of native/. Throws an Error with `remedy` where the build left it out. */
export function nativeCommand(
  program: NativeProgram,
  { mode, chunkBytes }: ServerTask,
  args: readonly string[] = [],
  remedy = 'build the native programs',
): readonly string[] {
  const file = nativeProgram(program);
  if (!existsSync(file)) throw new Error(`${program} was not built: ${remedy}`);
  const chunk = chunkBytes === undefined ? [] : ['--chunk', `${chunkBytes}`];
  return [file, '--mode', mode, ...chunk, ...args];
}

const protocolScripts: Readonly<Partial<Record<Mode, string>>> = {
  http: 'node-http.mjs',
  file: 'node-http.mjs',
  http2: 'node-http2.mjs',
  'http2-stream': 'node-http2.mjs',
  grpc: 'node-grpc.mjs',
};

/** A server of node:net's API, or of what is built on it: the same program whatever module it runs on. */
export function netCommand(task: ServerTask, ...args: readonly string[]): readonly string[] {
  const script = protocolScripts[task.mode] ?? 'node-net.mjs';
  return nodeCommand(script, ...scriptOptions(task), ...args);
}

/** The package's own server. */
export function proactorCommand(task: ServerTask, ...args: readonly string[]): readonly string[] {
  return nodeCommand('proactor.mjs', ...scriptOptions(task), ...args);
}
