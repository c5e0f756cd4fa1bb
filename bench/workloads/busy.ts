// The busy workload: echo in which each message costs some microseconds of JavaScript as well. That is what an I/O thread
// is for: while JavaScript computes, it moves the bytes.
import { spawnSync } from 'node:child_process';
import { contestWorkload } from '../contest-workload.js';
import { serverScript } from '../drivers/driver.js';
import { driversFor } from '../drivers/index.js';
import { decimal } from '../options.js';
import { echoFigures, echoLoad, echoShape, echoTitle, echoWord } from './echo.js';

export const busy = contestWorkload({
  name: 'busy',
  summary: 'TCP echo in which each message also costs JavaScript.',
  drivers: driversFor(['busy']),
  shape: {
    microseconds: decimal('microseconds of JavaScript that a message costs', 20, 0.1, 100_000),
    ...echoShape,
  },
  headline: 'messagesPerSecond',
  idOf: (values) => `${values.microseconds}us/${echoWord(values)}`,
  titleOf: (values) =>
    `TCP echo and ${values.microseconds} µs of JavaScript a message, ${echoTitle(values)}`,
  contestOf: (values) => ({
    task: {
      mode: 'busy',
      connections: values.connections,
      bytesOutstanding: values.size * values.depth,
      busy: { iterations: iterationsIn(values.microseconds), messageBytes: values.size },
    },
    load: echoLoad({ ...values, verify: false }),
    unit: 'Message',
    // One for JavaScript and one for what else the server runs. Every driver gets both.
    serverCoreCount: 2,
    figures: echoFigures,
  }),
});

/** The turns of the loop in servers/spin.mjs that take so long here. Throws an Error where it cannot be measured. */
function iterationsIn(microseconds: number): number {
  const command = [serverScript('spin.mjs'), `${microseconds}`];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const iterations = Number(stdout);
  if (iterations >= 1) return iterations;
  throw new Error(`servers/spin.mjs printed no number of turns: ${stdout}${stderr}`);
}
