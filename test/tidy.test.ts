// The style itself, tested: import direction, dead files, lengths, and numbers that stand in two languages.
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as kernel from '#lib/ring/kernel';
import * as layout from '#lib/ring/layout';
import {
  constantsOf,
  functionsLongerThan,
  importsOf,
  libraryFiles,
  linesOf,
  memberOffsets,
  nativeFiles,
  root,
  screamingCase,
  textOf,
} from './support/sources';

// Top-level files that serve every tier and know none.
const COMMON = [
  'errors',
  'validate',
  'diagnostics',
  'inspection',
  'timers',
  'tell-each',
  'with-resolvers',
].map((name) => `lib/${name}.ts`);

/** The tier of a file: imports go to the same tier or downwards. */
function tierOf(file: string): number {
  if (file.startsWith('lib/cli/')) return 6; // the command: nothing imports it
  if (file === 'lib/index.ts') return 5;
  if (/^lib\/(net|fs|http)\//.test(file)) return 4;
  if (file.startsWith('lib/io/')) return 3;
  if (file.startsWith('lib/ring/')) return 1;
  return COMMON.includes(file) ? 0 : 2;
}

describe('imports in lib/', () => {
  it('point to the same tier or downwards', () => {
    const upward = libraryFiles.flatMap((file) =>
      importsOf(file)
        .filter((imported) => tierOf(imported) > tierOf(file))
        .map((imported) => `${file} -> ${imported}`),
    );
    expect(upward).toEqual([]);
  });

  it('name files that exist', () => {
    const missing = libraryFiles
      .flatMap((file) => importsOf(file))
      .filter((name) => name.endsWith('(missing)'));
    expect(missing).toEqual([]);
  });

  it('keep the Node-compatible modules apart from each other', () => {
    const mayImport = { net: [] as string[], fs: [] as string[], http: ['net'] };
    const crossing = libraryFiles.flatMap((file) => {
      const own = /^lib\/(net|fs|http)\//.exec(file)?.[1] as keyof typeof mayImport | undefined;
      if (own === undefined) return [];
      return importsOf(file).filter((imported) => {
        const other = /^lib\/(net|fs|http)\//.exec(imported)?.[1];
        return other !== undefined && other !== own && !mayImport[own].includes(other);
      });
    });
    expect(crossing).toEqual([]);
  });

  it('have no cycle of values', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file))
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      if (done.has(file) || trail.includes(file)) return;
      // A module that exports itself has no other way.
      const others = file === 'lib/net/self.ts' ? [] : importsOf(file, true);
      for (const imported of others) visit(imported, [...trail, file]);
      done.add(file);
    };
    for (const file of libraryFiles) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('reach the addon through ring/binding.ts alone', () => {
    const users = libraryFiles.filter((file) => importsOf(file).includes('lib/ring/load-addon.ts'));
    expect(users).toEqual(['lib/ring/binding.ts']);
  });
});

describe('files', () => {
  it('of lib/ are all reached from an entry of package.json', () => {
    const manifest = JSON.parse(textOf('package.json')) as {
      exports: Record<string, unknown>;
      bin: Record<string, string>;
    };
    const modules = Object.values(manifest.exports).map(
      (entry) => (entry as { require?: { default?: string } }).require?.default,
    );
    const entries = [...modules, ...Object.values(manifest.bin)]
      .filter((name) => name !== undefined)
      .map((name) => name.replace(/^(\.\/)?dist\//, 'lib/').replace(/\.js$/, '.ts'));
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const imported of importsOf(file)) visit(imported);
    };
    for (const entry of entries) visit(entry);
    expect(libraryFiles.filter((file) => !reached.has(file))).toEqual([]);
  });

  it('of native/ that are headers are all included', () => {
    const dead = nativeFiles
      .filter((file) => file.endsWith('.h'))
      .filter((header) => {
        const include = `#include "${path.posix.basename(header)}"`;
        return !nativeFiles.some((file) => textOf(file).includes(include));
      });
    expect(dead).toEqual([]);
  });

  it('have kebab-case names in lib/ and snake_case names in native/', () => {
    const odd = [
      ...libraryFiles.filter(
        (file) => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(path.posix.basename(file)),
      ),
      ...nativeFiles.filter(
        (file) => !/^[a-z0-9]+(_[a-z0-9]+)*\.(cc|h)$/.test(path.posix.basename(file)),
      ),
    ];
    expect(odd).toEqual([]);
  });

  it('open with a comment on their job, a C++ source in its header', () => {
    const silent = [...libraryFiles, ...nativeFiles].filter((file) => {
      const hasHeader = file.endsWith('.cc') && nativeFiles.includes(file.replace(/cc$/, 'h'));
      return (
        !hasHeader &&
        !textOf(file)
          .replace(/^#!.*\n/, '')
          .startsWith('//')
      );
    });
    expect(silent).toEqual([]);
  });
});

describe('clocks and timers', () => {
  // Test suites replace the global ones: lib/timers.ts has those that there were when it was loaded.
  it('are taken from lib/timers.ts in lib/, but for the command', () => {
    const users = libraryFiles
      .filter((file) => !file.startsWith('lib/cli/') && file !== 'lib/timers.ts')
      .flatMap((file) => {
        const code = linesOf(file)
          .filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line))
          .join('\n');
        const own = /import \{([^}]*)\} from '\.\.?\/timers'/.exec(code)?.[1] ?? '';
        const used = code.matchAll(
          /(?<![.\w])((?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask)\(|\b(Date\.now|performance\.now|process\.(?:nextTick|hrtime))\b/g,
        );
        return [...used]
          .map(([, call, global]) => call ?? global!)
          .filter((name) => !own.split(/[\s,]+/).includes(name))
          .map((name) => `${file}: ${name}`);
      });
    expect(users).toEqual(['lib/io/stream.ts: setTimeout', 'lib/net/node-internals.ts: Date.now']);
  });
});

describe('lengths', () => {
  it('keep files of lib/ within 500 lines and of native/ within 400', () => {
    const lineCount = (file: string): number => linesOf(file).length;
    const long = [
      ...libraryFiles.filter((file) => lineCount(file) > 500),
      ...nativeFiles.filter((file) => lineCount(file) > 400),
    ].map((file) => `${file}: ${lineCount(file)}`);
    expect(long).toEqual([]);
  });

  it('keep functions to a screen: 70 lines', () => {
    const long = [...libraryFiles, ...nativeFiles].flatMap((file) => functionsLongerThan(70, file));
    expect(long).toEqual([]);
  });

  it('keep C++ code within 100 columns and comments within 120', () => {
    const wide = [...libraryFiles, ...nativeFiles].flatMap((file) =>
      linesOf(file).flatMap((line, index) => {
        const code = line.replace(/\s*\/\/.*$/, '');
        const hasWideComment = line.length > 120 && /^\s*(\/\/|\*|\/\*)|;\s+\/\//.test(line);
        const hasWideCode = code.length > 100 && !file.endsWith('.ts');
        return hasWideComment || hasWideCode ? [`${file}:${index + 1}`] : [];
      }),
    );
    expect(wide).toEqual([]);
  });
});

describe('numbers shared by C++ and TypeScript', () => {
  const exported = Object.entries(layout) as [string, number][];

  it('are equal in native/shared_layout.h and lib/ring/layout.ts, and in both', () => {
    const native = [...constantsOf('native/shared_layout.h')]
      .map(([name, value]) => [screamingCase(name), value])
      .sort();
    const own = exported.filter(([name]) => !/^[SC]QE_/.test(name)).sort();
    expect(own).toEqual(native);
  });

  it('put the words of queue entries where the kernel has its members', () => {
    const members = {
      SQE_OPCODE_FLAGS_IOPRIO: 'opcode',
      SQE_FD: 'fd',
      SQE_OFFSET: 'off',
      SQE_ADDRESS: 'addr',
      SQE_LENGTH: 'len',
      SQE_OPERATION_FLAGS: 'op_flags',
      SQE_USER_DATA: 'user_data',
      SQE_BUFFER_GROUP: 'buf_group',
      SQE_FILE_INDEX: 'file_index',
    };
    const offsets = memberOffsets('native/kernel_abi.h', 'io_uring_sqe');
    const words = Object.fromEntries(
      Object.entries(members).map(([name, member]) => [name, (offsets.get(member) ?? -4) / 4]),
    );
    const own = exported.filter(([name]) => /^SQE_(?!WORDS)/.test(name));
    expect(Object.fromEntries(own)).toEqual(words);
    expect([4 << layout.SQE_WORDS_SHIFT, 4 << layout.CQE_WORDS_SHIFT]).toEqual([64, 16]);
  });

  it('are equal in native/kernel_abi.h and lib/ring/kernel.ts where both name them', () => {
    const native = constantsOf('native/kernel_abi.h');
    const numbers = new Map(Object.entries(kernel as Record<string, unknown>));
    for (const [name, code] of Object.entries(kernel.Opcode))
      numbers.set(`IORING_OP_${name}`, code);
    const shared = [...native.keys()].filter((name) => numbers.has(name));
    expect(shared.length).toBeGreaterThan(10);
    expect(shared.map((name) => [name, numbers.get(name)])).toEqual(
      shared.map((name) => [name, native.get(name)]),
    );
  });

  it("are the system's own error numbers", () => {
    const system = os.constants.errno as Record<string, number>;
    const own = Object.entries(kernel).filter(([name]) => name in system);
    expect(own.length).toBeGreaterThan(10);
    expect(own).toEqual(own.map(([name]) => [name, system[name]]));
  });
});

describe('committed files', () => {
  const isRepository = existsSync(path.join(root, '.git'));
  const inRepository = isRepository ? it : it.skip;
  const committed = (): string[] =>
    execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
      .split('\0')
      .filter((file) => file !== '')
      .filter((file) => statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile());

  inRepository('name no folder of the machine they were written on', () => {
    const anyone = /\/(?:home|Users)\/[a-z]\w*\//;
    const naming = committed().filter(
      (file) => textOf(file).includes(`${root}/`) || anyone.test(textOf(file)),
    );
    expect(naming).toEqual([]);
  });

  inRepository('name no package registry', () => {
    const host = /https?:\/\/[^/\s"']*(?:registry|artifactory|nexus|verdaccio)[^/\s"']*/i;
    const naming = committed().filter((file) => host.test(textOf(file)));
    expect(naming).toEqual([]);
    // What is resolved to a folder is a workspace of this repository.
    expect(textOf('package-lock.json')).not.toMatch(/"resolved": "(?!scripts\/)/);
  });
});
