// Runs one test in a process of its own and says how that ended.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { flagsOf } from './source.mjs';

const REDIRECT = fileURLToPath(new URL('redirect.cjs', import.meta.url));
const OUTPUT_LIMIT = 1 << 20;
// How long the output of a process that has ended may be held open by somebody else.
const OUTPUT_MS = 1000;

/** The environment of a test. With `redirect`, its `net` and that of the processes it starts is the one of the plan. */
function environment({ attached }, { net, dispatch }, { redirect, folder, marker, place }) {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const env = { ...inherited, NODE_TEST_DIR: folder, TEST_THREAD_ID: String(place) };
  if (!redirect) return env;
  return {
    ...env,
    // Not by the command line: `process.execArgv` is the test's own.
    NODE_OPTIONS: `--require ${JSON.stringify(REDIRECT)}`,
    PROACTOR_NODE_CORE: JSON.stringify({ net, dispatch, attached, marker }),
  };
}

/** The line of a failed test's output that says most. */
function causeIn(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const telling = /^(?:Uncaught )?(?:\w*Error\b.*[:[]|Mismatched .* function calls)/;
  return lines.find((line) => telling.test(line)) ?? lines.findLast((line) => line !== '') ?? '';
}

function outcomeOf({ code, signal, isLate, stdout, stderr }, { timeoutMs }) {
  const output = `${stdout}${stderr}`;
  if (isLate) return { status: 'failed', reason: `not ended after ${timeoutMs / 1000} s`, output };
  const skipped = /^1\.\.0 # Skipped: (.*)$/m.exec(stdout)?.[1];
  if (code === 0 && skipped !== undefined) return { status: 'skipped', reason: skipped };
  if (code === 0) return { status: 'passed' };
  const reason = signal === null ? causeIn(output) || `ended with ${code}` : `died of ${signal}`;
  return { status: 'failed', reason, output };
}

/** Kills a process with those that it started, which are of its group. */
function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function variablesOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return []; // it has ended, or is somebody else's
  }
}

/** Kills what a test left that is in a group of its own: all that inherited this variable. */
function killLeftovers(variable) {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || !variablesOf(pid).includes(variable)) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

/** Starts a command and waits for its end, and for that of its output. */
function runToEnd(command, args, { timeoutMs, ...options }) {
  const child = spawn(command, args, { ...options, stdio: 'pipe', detached: true });
  child.stdin.end();
  child.stdin.on('error', () => {});
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      texts[name] = (texts[name] + text).slice(-OUTPUT_LIMIT);
    });
  }
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child);
  }, timeoutMs);
  // What it left running would keep its output open, and go on.
  child.once('exit', () => {
    clearTimeout(timer);
    killGroup(child);
    killLeftovers(`NODE_TEST_DIR=${options.env.NODE_TEST_DIR}`);
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, OUTPUT_MS).unref();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, isLate, ...texts }));
  });
}

/**
 * Runs a test; `place` is which of those that run at the same time it is. Returns { status, reason, output, ms,
 * usedProactor }; without the last a test that passed proves little.
 */
export async function runTest(test, plan, place, redirect = true) {
  const folder = path.join(plan.folder, String(place));
  const marker = path.join(folder, 'proactor-was-used');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const startMs = performance.now();
  const ended = await runToEnd(plan.node, [...flagsOf(test.source), test.file], {
    cwd: path.dirname(test.file),
    env: environment(test, plan, { redirect, folder, marker, place }),
    timeoutMs: plan.timeoutMs,
  });
  const ms = Math.round(performance.now() - startMs);
  return { ...outcomeOf(ended, plan), ms, usedProactor: existsSync(marker) };
}
