// Whether TypeScript programs that use the installed package are type-checked without an error: with the compiler of this
// project, the last of the 5.x and the oldest that the declarations are for, under each way to resolve modules, everything
// strict, the package's own declarations included.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../common.mjs';
import { installPinned } from '../runtimes.mjs';
import { Missing } from './checklist.mjs';

const resolutions = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/** The declarations of Node's own modules, which every user of TypeScript on Node has. */
function addNodeTypes(folder) {
  for (const name of ['@types/node', 'undici-types']) {
    const target = path.join(folder, 'node_modules', name);
    if (existsSync(target)) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(root, 'node_modules', name), target, { recursive: true });
  }
}

/** Each program as an ES module and as a CommonJS module; the one on node:net with its import changed as well. */
function writePrograms(folder) {
  const read = (name) => readFileSync(path.join(folder, name), 'utf8');
  const onNode = read('net-program.mts');
  const onProactor = onNode.replace("} from 'node:net';", "} from 'proactor/net';");
  if (onProactor === onNode) throw new Error('net-program.mts imports node:net in another way');
  const programs = { types: read('types.mts'), node: onNode, proactor: onProactor };
  return Object.entries(programs).flatMap(([name, text]) =>
    ['mts', 'cts'].map((extension) => {
      const file = `${name}.${extension}`;
      writeFileSync(path.join(folder, file), text);
      return file;
    }),
  );
}

export async function checkTypes(checklist, consumer) {
  addNodeTypes(consumer.folder);
  const files = writePrograms(consumer.folder);
  const own = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compilers = {
    'TypeScript of this project': own,
    'TypeScript 5': installPinned('typescript'),
    'the oldest TypeScript': installPinned('oldestTypescript'),
  };
  for (const [compiler, tsc] of Object.entries(compilers)) {
    for (const [resolution, options] of Object.entries(resolutions)) {
      await checklist.check(`types: ${compiler}, ${resolution}`, async () => {
        if (tsc === undefined) throw new Missing('it cannot be installed');
        const project = `tsconfig.${resolution}.json`;
        const compilerOptions = {
          ...options,
          target: 'es2022',
          strict: true,
          skipLibCheck: false,
          noEmit: true,
        };
        writeFileSync(
          path.join(consumer.folder, project),
          JSON.stringify({ compilerOptions, files }),
        );
        await consumer.output([consumer.node, tsc, '-p', project]);
      });
    }
  }
  await checklist.check('types: a wrong use is found', async () => {
    writeFileSync(path.join(consumer.folder, 'wrong.mts'), WRONG_USE);
    const compilerOptions = { ...resolutions.node16, target: 'es2022', strict: true, noEmit: true };
    const config = JSON.stringify({ compilerOptions, files: ['wrong.mts'] });
    writeFileSync(path.join(consumer.folder, 'tsconfig.wrong.json'), config);
    const { stdout } = await consumer.run([consumer.node, own, '-p', 'tsconfig.wrong.json']);
    if (!/wrong\.mts.*error TS2322/.test(stdout))
      throw new Error(`the compiler printed ${stdout || 'nothing'}`);
  });
}

const WRONG_USE = `import { Proactor } from 'proactor';
export const dispatch: number = new Proactor().dispatch;
`;
