// The workflows of GitHub Actions: that they are well-formed, pinned, bounded and without privileges, and that all they do
// is to call this repository's own scripts. What GitHub makes of them only GitHub can show.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { root, textOf } from './support/sources';
import {
  jobProblems,
  lintProblems,
  matrixValues,
  parseWorkflow,
  pinProblems,
  privilegesOf,
  runProblems,
  stepsOf,
  workflowFiles,
  workflows,
} from './support/workflows';

/** What a module of scripts/ exports. */
function exported(module: string, name: string): unknown {
  const source = `import { ${name} } from './scripts/${module}'; console.log(JSON.stringify(${name}))`;
  const args = ['--input-type=module', '-e', source];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }));
}

const jobs = [...workflows].flatMap(([file, workflow]) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file} ${name}`, job })),
);
const steps = [...workflows.values()].flatMap(stepsOf);
const commands = steps.map(({ run }) => run ?? '');

const HARMFUL = `
on: { pull_request_target: }
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: write-all
    steps:
      - uses: actions/checkout@v7
      - uses: actions/setup-node@820762786026740c76f36085b0efc47a31fe5020
      - run: npm ci && npm test
      - run: npm run nothing
      - run: node scripts/nothing.mjs
      - run: npm run release:check -- \${{ github.head_ref }}
      - run: curl https://example.com
      - run: npm test -- \${{ githu.sha }}
`;

describe('what is wrong in a workflow is found', () => {
  const workflow = parseWorkflow(HARMFUL);

  it('by the linter', async () => {
    expect(await lintProblems(HARMFUL)).toEqual([
      expect.stringMatching(/"github.head_ref" is potentially untrusted/),
      expect.stringMatching(/undefined variable "githu"/),
    ]);
  });

  it('in what it runs and on what', () => {
    expect(pinProblems(HARMFUL)).toHaveLength(2);
    expect(runProblems(workflow)).toEqual([
      'npm ci && npm test: is not one call',
      'npm run nothing: no script nothing',
      'node scripts/nothing.mjs: no file scripts/nothing.mjs',
      `npm run release:check -- \${{ github.head_ref }}: is not one call`,
      'curl https://example.com: is not a script of ours',
      `npm test -- \${{ githu.sha }}: is not one call`,
    ]);
    expect(jobProblems(workflow)).toEqual(['one has no timeout', 'one runs on ubuntu-latest']);
  });

  it('in what it may do', () => {
    expect(privilegesOf(workflow)).toEqual(['workflow: default', 'one: write-all']);
  });
});

describe.each(workflowFiles)('%s', (file) => {
  const text = textOf(file);
  const workflow = workflows.get(file)!;

  it('is clean to the linter', async () => {
    expect(await lintProblems(text)).toEqual([]);
  });

  it('pins every action by a commit, with the version beside it', () => {
    expect(pinProblems(text)).toEqual([]);
  });

  it('runs one script that exists in each step', () => {
    expect(runProblems(workflow)).toEqual([]);
  });

  it('runs nothing twice in a job', () => {
    for (const { steps: own = [] } of Object.values(workflow.jobs)) {
      const runs = own.flatMap(({ run }) => run ?? []);
      expect(runs).toEqual([...new Set(runs)]);
    }
  });

  it('limits the time of each job, on a machine of a known version', () => {
    expect(jobProblems(workflow)).toEqual([]);
  });

  it('has no privileges but to publish a release', () => {
    const allowed = ['publish id-token: write', 'github contents: write'];
    expect(privilegesOf(workflow)).toEqual(file.endsWith('/release.yml') ? allowed : []);
  });

  it('leaves no credentials in the checkout', () => {
    const checkouts = stepsOf(workflow).filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    for (const { with: inputs } of checkouts)
      expect(inputs).toMatchObject({ 'persist-credentials': false });
  });

  it('is not run twice at once for the same thing, unless it is called by another', () => {
    const isCalledOnly = Object.keys(workflow.on).join() === 'workflow_call';
    expect(workflow.concurrency?.group === undefined).toBe(isCalledOnly);
  });

  it('is started by nothing that gives strangers its privileges', () => {
    const starts = ['push', 'pull_request', 'workflow_call'];
    expect(Object.keys(workflow.on).filter((event) => !starts.includes(event))).toEqual([]);
  });
});

describe('the workflows together', () => {
  it('have one commit of each action', () => {
    const used = new Set(steps.flatMap(({ uses }) => uses ?? []));
    const actions = [...used].map((name) => name.replace(/@.*/, ''));
    expect(actions).toEqual([...new Set(actions)]);
  });

  it('build the binary of every target', () => {
    const targets = exported('toolchains.mjs', 'targets') as { name: string }[];
    const builds = commands.filter((command) => /^npm run prebuild\b/.test(command));
    const built = targets.filter(({ name }) =>
      builds.some((command) => command.endsWith('--all') || command.includes(name)),
    );
    expect(built).toEqual(targets);
  });

  it('test every supported line of Node, and install no other', () => {
    const lines = exported('runtimes.mjs', 'nodeLines') as string[];
    const tested = jobs.filter(({ job }) =>
      job.steps?.some(({ run }) => run?.startsWith('npm run test:node-versions')),
    );
    expect(tested.map(({ job }) => matrixValues(job, 'node').map(String))).toEqual([lines]);
    const installed = jobs.flatMap(({ job }) => [
      ...matrixValues(job, 'node').map(String),
      ...(job.steps ?? []).flatMap(({ with: inputs }) => inputs?.['node-version'] ?? []),
    ]);
    const versions = installed.filter((version) => version !== `\${{ matrix.node }}`);
    expect(versions.filter((version) => !lines.includes(String(version)))).toEqual([]);
  });

  it('name stages of npm test that exist', () => {
    const stages = textOf('scripts/test.mjs');
    const named = commands.flatMap((command) => /^npm test -- (.*)$/.exec(command)?.[1] ?? []);
    const words = named.flatMap((text) => text.split(' '));
    expect(words).not.toEqual([]);
    for (const word of words) expect(stages).toMatch(new RegExp(`^ {2}${word}: `, 'm'));
  });

  it('take only what they have made', () => {
    const named = (action: string): unknown[] =>
      steps
        .filter(({ uses }) => uses?.includes(action))
        .map(({ with: inputs }) => inputs?.['name']);
    expect(
      named('download-artifact').filter((name) => !named('upload-artifact').includes(name)),
    ).toEqual([]);
  });

  it('allow io_uring in the containers that run it', () => {
    for (const { job } of jobs.filter(({ job: { container } }) => container !== undefined))
      expect(job.container?.options).toMatch(/--security-opt seccomp=unconfined/);
  });
});
