// Every code block and every link of every Markdown file: programs are type-checked and run, commands name what there
// is, data parses, and links lead somewhere.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { commandProblem } from './support/commands';
import { anchorsOf, type Block, blocksOf, documents, linksOf, proseOf } from './support/markdown';
import { libraryFiles, nativeFiles, root, textOf } from './support/sources';

const PROGRAM_LIMIT_MS = 10_000;
const TYPE_CHECK_LIMIT_MS = 60_000;
// js is run, ts only type-checked, text is a drawing or what something prints.
const LANGUAGES = ['js', 'ts', 'sh', 'json', 'text'];

const blocks = documents.flatMap(blocksOf);
const placeOf = ({ document, line }: Block): string => `${document}:${line}`;
const ofLanguage = (...languages: string[]): Block[] =>
  blocks.filter(({ language }) => language !== undefined && languages.includes(language));

describe('code blocks', () => {
  it('say what they are', () => {
    const other = blocks.filter(({ language }) => !LANGUAGES.includes(language ?? ''));
    expect(other.map((block) => `${placeOf(block)}: ${block.language}`)).toEqual([]);
  });

  it('of JSON parse', () => {
    for (const block of ofLanguage('json')) {
      expect({ place: placeOf(block), value: JSON.parse(block.code) as unknown }).toBeDefined();
    }
  });
});

describe('drawings of ARCHITECTURE.md', () => {
  const drawings = blocks.filter(
    ({ document, language }) => document === 'ARCHITECTURE.md' && language === 'text',
  );
  const sources = [...libraryFiles, ...nativeFiles].map(textOf);

  /** Whether a class or interface of lib/ or native/ declares a member. */
  function isDeclared(owner: string, member: string): boolean {
    const home = new RegExp(`^(?:export )?(?:abstract )?(?:class|interface) ${owner}\\b`, 'm');
    const declaration = new RegExp(`^ +(?:[\\w*&<>:]+ )*[*&#]?${member}\\s*[(=:<]`, 'm');
    return sources.some((text) => home.test(text) && declaration.test(text));
  }

  it('name members and files that there are', () => {
    const wrong = drawings.flatMap(({ code }) => [
      ...[...code.matchAll(/\b([A-Z]\w+)(?:\.|::)(\w+)/g)]
        .filter(([, owner = '', member = '']) => !isDeclared(owner, member))
        .map(([name]) => name),
      ...[...code.matchAll(/\b(?:lib|native)\/[\w/-]+\.\w+/g)]
        .map(([file]) => file)
        .filter((file) => !existsSync(path.join(root, file))),
    ]);
    expect(drawings.length).toBeGreaterThan(3);
    expect(wrong).toEqual([]);
  });

  it('have every file of lib/ in its layer, the command apart', () => {
    const names = libraryFiles
      .filter((file) => !file.startsWith('lib/cli/'))
      .map((file) => path.basename(file, '.ts'));
    const shown: readonly string[] = drawings[0]?.code.match(/[\w-]+/g) ?? [];
    expect(names.filter((name) => !shown.includes(name))).toEqual([]);
  });
});

describe('programs', () => {
  const folder = path.join(root, 'build', 'documents');
  const programs = ofLanguage('js');
  const fileOf = (block: Block): string =>
    path.join(folder, `${placeOf(block).replace(/\W+/g, '-')}.m${block.language}`);

  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const block of ofLanguage('js', 'ts')) {
      // The port that the text shows may be in use.
      writeFileSync(fileOf(block), block.code.replaceAll('port: 7000', 'port: 0'));
    }
    const options = { allowJs: true, checkJs: true, noEmit: true, incremental: false };
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.base.json',
        compilerOptions: { ...options, noUnusedLocals: false },
        include: ['*'],
      }),
    );
  });

  it('are there in README.md', () => {
    expect(programs.some(({ document }) => document === 'README.md')).toBe(true);
  });

  it(
    'agree with the types',
    async () => {
      const tsc = path.join(root, 'node_modules', '.bin', 'tsc');
      const { stdout } = await promisify(execFile)(tsc, ['-p', folder]).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).toBe('');
    },
    TYPE_CHECK_LIMIT_MS,
  );

  it.each(programs.map((block) => [placeOf(block), block] as const))(
    'run: %s',
    async (_place, block) => {
      const own = `${fileOf(block)}.d`; // what it writes goes there
      mkdirSync(own);
      const child = spawn(process.execPath, [fileOf(block)], {
        cwd: own,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: PROGRAM_LIMIT_MS,
      });
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
      });
      const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
      const printed: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        printed.push(line);
        const listening = /^listening on (.+):(\d+)$/.exec(line);
        if (listening === null) continue;
        await expectEcho(Number(listening[2]));
        child.kill('SIGTERM');
      }
      expect([...(await exited), errors]).toEqual([0, null, '']);
      // Behind a line that prints stands what it prints.
      const promised = [...block.code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)];
      for (const [, line] of promised) expect(printed).toContain(line);
    },
    PROGRAM_LIMIT_MS + 5000,
  );

  async function expectEcho(port: number): Promise<void> {
    const socket = connect(port, '127.0.0.1').end('to and fro');
    let echoed = '';
    for await (const text of socket.setEncoding('utf8')) echoed += text;
    expect(echoed).toBe('to and fro');
  }
});

describe('commands', () => {
  /** Commands of shell text, continued lines joined, without what they set in the environment. */
  const commandsIn = (text: string): string[] =>
    text
      .replace(/\\\n\s*/g, ' ')
      .split(/\n|&&|\|\|?|;/)
      .map((command) => command.replace(/(^|\s)#.*$/, '').trim())
      .map((command) => command.replace(/^(?:[A-Z_]+=(?:\$\([^)]*\)|\S*)\s+)+/, ''))
      .filter((command) => command !== '');

  it('of shell blocks are there', () => {
    const wrong = ofLanguage('sh').flatMap((block) =>
      commandsIn(block.code).flatMap((command) => {
        const reason = commandProblem(command, path.dirname(block.document));
        return reason === undefined ? [] : [`${placeOf(block)}: ${command}: ${reason}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('named in sentences and tables are there', () => {
    const wrong = documents.flatMap((document) =>
      [...proseOf(document).matchAll(/`((?:npm run|npx|node (?=[a-z]+\/)) ?[^`]+)`/g)].flatMap(
        ([, command = '']) => {
          const reason = commandProblem(command.replaceAll('\n', ' '), path.dirname(document));
          return reason === undefined ? [] : [`${document}: ${command}: ${reason}`];
        },
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('that set up and test a checkout are in README.md', () => {
    const shell = ofLanguage('sh').filter(({ document }) => document === 'README.md');
    expect(shell.map(({ code }) => code)).toContain('npm ci\nnpm test\n');
  });
});

describe('links and names of files', () => {
  const isWeb = (link: string): boolean => /^https:\/\//.test(link);

  it.each(documents)('of %s lead somewhere', (document) => {
    const folder = path.posix.dirname(document);
    const broken = linksOf(document)
      .filter((link) => !isWeb(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? document : path.posix.join(folder, file);
        if (!existsSync(path.join(root, target))) return true;
        return anchor !== undefined && !anchorsOf(target).includes(anchor);
      });
    const named = /`((?:lib|native|test|bench|examples|scripts|docs)\/[\w./-]*\w)`/g;
    const missing = [...proseOf(document).matchAll(named)]
      .map(([, file = '']) => file)
      .filter(
        (file) => ![root, path.join(root, folder)].some((at) => existsSync(path.join(at, file))),
      );
    expect([...broken, ...missing]).toEqual([]);
  });
});
