// Compiles lib/, test/ or bench/ with tsc: `node scripts/compile.mjs lib|test|bench`. Removes outputs whose
// source is gone (jest would go on running them), and after lib/ inlines constants, writes the ES module entries and makes
// the commands executable.
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, listFiles, root, run } from './common.mjs';
import { writeEsmEntries } from './esm-entries.mjs';
import { inlineConstants } from './inline-constants.mjs';

const projects = {
  lib: { config: '.', output: 'dist' },
  test: { config: 'test', output: 'build/test' },
  bench: { config: 'bench', output: 'build/bench' },
};

function removeStale(sourceFolder, outputFolder) {
  for (const name of listFiles(outputFolder, '')) {
    const match = /^(.*?)(\.d\.ts|\.js\.map|\.js)$/.exec(name);
    if (match && !existsSync(path.join(sourceFolder, `${match[1]}.ts`))) {
      rmSync(path.join(outputFolder, name));
    }
  }
}

const name = process.argv[2];
// The benchmark's own tests import what it compiles to.
if (name === 'test') run(process.execPath, [process.argv[1], 'bench']);
const project = projects[name];
if (!project) fail(`usage: compile.mjs ${Object.keys(projects).join('|')}`);
const sourceFolder = path.join(root, name);
const outputFolder = path.join(root, project.output);
if (listFiles(sourceFolder, '.ts').length === 0) fail(`${name}/ has no TypeScript file yet`);
// tsc trusts its build information even when somebody has removed the output.
if (!existsSync(outputFolder))
  rmSync(path.join(root, 'build', `${name}.tsbuildinfo`), { force: true });
removeStale(sourceFolder, outputFolder);
run('tsc', ['-p', project.config]);
if (name === 'lib') {
  inlineConstants(outputFolder);
  await writeEsmEntries();
  const { bin } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const file of Object.values(bin)) chmodSync(path.join(root, file), 0o755);
}
