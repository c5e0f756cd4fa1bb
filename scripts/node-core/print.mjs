// What the run of Node's tests prints.

const OUTPUT_LINES = 20;

/** A line as soon as a test has ended, and the end of what it printed if it failed. */
export function printTest({ name, status, reason, ms, output }) {
  const time = ms === undefined ? '' : ` (${(ms / 1000).toFixed(1)} s)`;
  console.log(`${status.padEnd(7)} ${name}${time}${reason ? `: ${reason}` : ''}`);
  if (status !== 'failed') return;
  const lines = output.trimEnd().split('\n').slice(-OUTPUT_LINES);
  for (const line of lines) console.log(`        ${line}`);
}

/** All that were skipped, by reason, those whose exception can go, and all that failed. */
export function listByReason(outcomes) {
  const reasons = new Map();
  for (const { name, status, reason } of outcomes) {
    if (status === 'skipped') reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  }
  for (const [reason, names] of reasons) console.log(`skipped: ${reason}: ${names.join(', ')}`);
  for (const { name, unneeded } of outcomes) {
    if (unneeded !== undefined) console.log(`passes, though excepted: ${name}: ${unneeded}`);
  }
  for (const { name, status, reason } of outcomes) {
    if (status === 'failed') console.log(`FAILED: ${name}: ${reason}`);
  }
}

/** The last lines, and whether the run as a whole has failed. */
export function summaryOf(outcomes, { net }) {
  const count = (status) => outcomes.filter((outcome) => outcome.status === status).length;
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(count);
  const used = outcomes.filter(
    ({ status, usedProactor }) => status === 'passed' && usedProactor,
  ).length;
  const lines = [`${passed} passed, ${failed} failed, ${skipped} skipped`];
  if (net === 'proactor') lines.unshift(`${used} of those that passed used a proactor`);
  // As when there is no io_uring, so that proactor/net is Node's own.
  const isHollow = net === 'proactor' && passed > 0 && used === 0;
  if (isHollow) lines.unshift('FAILED: no test used a proactor');
  return { text: lines.join('\n'), hasFailed: failed > 0 || passed === 0 || isHollow };
}
