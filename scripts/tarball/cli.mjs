// The commands that the package brings, as `npx` finds them after an installation.
import path from 'node:path';

const command = path.join('node_modules', '.bin', 'proactor');

async function doctor(consumer) {
  const { verdict, facts } = JSON.parse(await consumer.output([command, 'doctor', '--json']));
  if (!facts.probe.binary.startsWith(path.join(consumer.folder, 'node_modules'))) {
    throw new Error(`it judged another binary: ${facts.probe.binary}`);
  }
  if (!verdict.startsWith('usable')) throw new Error(`its verdict is ${verdict}`);
}

async function echo(consumer) {
  const load = ['--seconds', '0.1', '--rounds', '1', '--connections', '4'];
  const { contenders } = JSON.parse(
    await consumer.output([command, 'bench', 'echo', '--json', ...load]),
  );
  for (const { name, failure, summary } of contenders) {
    if (!(summary?.messagesPerSecond > 0)) throw new Error(`${name}: ${failure || 'no messages'}`);
  }
}

export async function checkCommands(checklist, consumer) {
  await checklist.check('npx proactor doctor', () => doctor(consumer));
  await checklist.check('npx proactor bench echo', () => echo(consumer));
}
