// The tables of README.md and of the guides in docs/ against the code: they have what there is and nothing else.
// docs.test.ts has their programs and links.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Chunk, channels, constants, Proactor, TcpAcceptor, TcpStream } from 'proactor';
import { operations } from '#lib/operations';
import { libraryFiles, textOf } from './support/sources';

/** The text under a heading, up to the next one of any level. */
function sectionOf(heading: string, document = 'README.md'): string {
  const whole = textOf(document);
  const start = whole.indexOf(`\n${heading}\n`);
  expect(`${heading} at ${start}`).not.toBe(`${heading} at -1`);
  const text = whole.slice(start + heading.length + 2);
  const end = text.search(/^#{2,4} /m);
  return end < 0 ? text : text.slice(0, end);
}

/** The cells of the body of the first table whose header begins with `first`. */
function tableOf(section: string, first: string): string[][] {
  const lines = section.split('\n');
  const header = lines.findIndex((line) => line.startsWith(`| ${first} |`));
  expect(`${first} in line ${header}`).not.toBe(`${first} in line -1`);
  const rows: string[][] = [];
  for (let i = header + 2; lines[i]?.startsWith('|'); i++) {
    const cells = (lines[i] ?? '').split('|').slice(1, -1);
    rows.push(cells.map((cell) => cell.trim()));
  }
  return rows;
}

/** What stands between backticks. */
const codeOf = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe("README's operations table", () => {
  const rows = tableOf(sectionOf('### Operations'), 'method');
  const definitions = Object.entries(operations) as [string, { opcode: number; prepare: object }][];

  it('has a row for each operation, in their order', () => {
    expect(rows.map(([method]) => codeOf(method)[0])).toEqual(definitions.map(([name]) => name));
  });

  it('has their opcodes', () => {
    const names = new Map<number, string>(
      Object.entries(constants.Opcode).map(([name, code]) => [code, `IORING_OP_${name}`]),
    );
    expect(rows.map(([, , opcode]) => codeOf(opcode)[0])).toEqual(
      definitions.map(([, { opcode }]) => names.get(opcode)),
    );
  });

  it('has as many arguments as they take', () => {
    const count = (cell: string): number => codeOf(cell)[0]?.split(', ').length ?? 0;
    expect(rows.map(([method, args]) => `${method} ${count(args ?? '')}`)).toEqual(
      definitions.map(([name, { prepare }]) => {
        const { length } = prepare as (...args: unknown[]) => void;
        return `\`${name}\` ${Math.max(0, length - 2)}`;
      }),
    );
  });

  it('names a manual page and a result for each', () => {
    for (const [method, , , page, result] of rows) {
      expect(`${method} ${page}`).toMatch(/ \w+\([23]\)$/);
      expect(result).not.toBe('');
    }
  });
});

describe('the tables', () => {
  let proactor: Proactor;
  let acceptor: TcpAcceptor;
  let stream: TcpStream;
  const members: Record<string, object> = {};

  beforeAll(async () => {
    proactor = new Proactor();
    const received = new Promise<void>((resolve) => {
      TcpAcceptor.listen(proactor, { host: '127.0.0.1' }, (accepted) => {
        accepted.onData = (chunk: Chunk) => {
          members['Chunk'] = chunk;
          members['Lease'] = chunk.lease();
          resolve();
        };
      }).then(async (listening) => {
        acceptor = listening;
        const { port } = acceptor.address;
        stream = await TcpStream.connect(proactor, { host: '127.0.0.1', port });
        stream.write('x');
      });
    });
    await received;
    Object.assign(members, { Proactor: proactor, TcpAcceptor: acceptor, TcpStream: stream });
    Object.assign(members, { Memory: proactor.allocate(1), BufferRing: proactor.buffers });
  });
  afterAll(() => proactor.dispose());

  const tables = [
    ['Proactor', 'README.md', '### Proactor', 'member', 0],
    ['Memory', 'docs/operations.md', '## Memory', 'member of Memory', 0],
    ['BufferRing', 'docs/operations.md', '### Receive buffers', 'member of BufferRing', 0],
    ['TcpAcceptor', 'README.md', '### TcpAcceptor', 'member', 0],
    ['TcpStream', 'README.md', '### TcpStream', 'member', 0],
    ['Chunk', 'docs/tcp.md', '### Chunk and Lease', 'member', 1],
    ['Lease', 'docs/tcp.md', '### Chunk and Lease', 'member', 2],
  ] as const;

  // `Symbol.asyncDispose`, `Proactor.probe()`, `cancel(id)`: the name, or the symbol's.
  const nameOf = (code: string): string =>
    code.replace(/\(.*$/, '').replace(/^(?!Symbol)\w+\./, '');
  const hasMember = (owner: object, name: string): boolean => {
    const symbol = /^Symbol\.(\w+)$/.exec(name)?.[1];
    const key = symbol === undefined ? name : (Symbol as unknown as Record<string, symbol>)[symbol];
    return key !== undefined && (key in owner || key in owner.constructor);
  };
  /** The members that a class's table has: of a table for two, those whose own column has something. */
  const namesIn = (section: string, first: string, column: number): string[] =>
    tableOf(section, first)
      .filter((row) => row[column] !== '–')
      .flatMap(([cell]) => codeOf(cell))
      .map(nameOf);

  it.each(tables)('of %s have members that there are', (name, document, heading, first, column) => {
    const owner = members[name] as object;
    const section = sectionOf(heading, document);
    const absent = namesIn(section, first, column).filter((member) => !hasMember(owner, member));
    expect(absent).toEqual([]);
  });

  it.each(tables)('of %s have every public member', (name, document, heading, first, column) => {
    const section = sectionOf(heading, document);
    const shown = new Set(namesIn(section, first, column));
    for (const [code] of section.matchAll(/`\w+\(/g)) shown.add(code.slice(1, -1));
    const missing = publicNames(members[name] as object).filter((member) => !shown.has(member));
    expect(missing).toEqual([]);
  });

  /** Names of an object's fields and methods, without operations and without what is internal or private. */
  function publicNames(owner: object): string[] {
    // toJSON() is for JSON.stringify(): inspection.test.ts has it.
    const internal = new Set<string>(['constructor', 'toJSON', ...Object.keys(operations)]);
    for (const file of libraryFiles) {
      const marked = textOf(file).matchAll(
        /(?:@internal[^/]*\*\/|^ +private)\s+(?:readonly |static |async |get |set )*(\w+)/gm,
      );
      for (const [, name = ''] of marked) internal.add(name);
    }
    const names = new Set(Object.keys(owner));
    let prototype = Object.getPrototypeOf(owner) as object;
    while (prototype !== Object.prototype) {
      for (const name of Object.getOwnPropertyNames(prototype)) names.add(name);
      prototype = Object.getPrototypeOf(prototype) as object;
    }
    return [...names].filter((name) => !internal.has(name));
  }

  it('of options have what the constructor checks', () => {
    const names = tableOf(sectionOf('### Proactor'), 'option').map(
      ([cell]) => codeOf(cell)[0] ?? '',
    );
    const unchecked = names.filter((name) => {
      const options: Record<string, unknown> = {};
      const [outer = '', inner] = name.split('.');
      options[outer] = inner === undefined ? { wrong: true } : { [inner]: { wrong: true } };
      try {
        void new Proactor(options).dispose();
        return true;
      } catch (error) {
        return !(error as Error).message.includes(`options.${name}`);
      }
    });
    expect(unchecked).toEqual([]);
  });

  it('of figures have those of stats()', () => {
    const names = tableOf(sectionOf('### Figures'), 'figure').flatMap(([cell]) => codeOf(cell));
    expect(names.sort()).toEqual(Object.keys(proactor.stats()).sort());
  });

  it('of channels have those that there are', () => {
    const names = tableOf(sectionOf('### Diagnostics channels'), 'channel').map(
      ([cell]) => codeOf(cell)[0],
    );
    expect(names).toEqual(Object.values(channels).map(({ name }) => name));
  });

  it("of errors have this package's own codes that something throws", () => {
    const shown = tableOf(sectionOf('### Errors'), 'code').flatMap(([cell]) => codeOf(cell));
    const thrown = new Set<string>();
    for (const file of libraryFiles) {
      for (const [, code = ''] of textOf(file).matchAll(/proactorError\(\s*'(\w+)'/g))
        thrown.add(code);
    }
    expect(
      shown.filter((code) => !/^ERR_(INVALID|OUT_OF|SOCKET)|^ABORT_ERR$/.test(code)).sort(),
    ).toEqual([...thrown].filter((code) => !/^ERR_(INVALID|OUT_OF|SOCKET)/.test(code)).sort());
  });
});

describe("README's compatibility tables", () => {
  const section = sectionOf('## Compatibility');

  it('have the runtimes that the package is tested on', () => {
    const runtimes = textOf('scripts/runtimes.mjs');
    const lines = [...(/nodeLines = \[(.*)\]/.exec(runtimes)?.[1] ?? '').matchAll(/\d+/g)];
    const pinned = [...runtimes.matchAll(/(bun|deno): \{.*version: '(\d+\.\d+)\./g)];
    expect(
      tableOf(section, 'runtime').map(([name = '']) => name.replace(/,? with .*/, '')),
    ).toEqual([
      `Node.js ${lines.join(', ')}`,
      ...pinned.map(
        ([, name = '', version]) =>
          `${name.replace(/^./, (first) => first.toUpperCase())} ${version}`,
      ),
    ]);
  });

  it('come after requirements with the oldest TypeScript that is tested', () => {
    const pinned = /oldestTypescript: .*version: '(\d+\.\d+)\./.exec(
      textOf('scripts/runtimes.mjs'),
    );
    expect(sectionOf('## Requirements')).toMatch(
      `- TypeScript, where a program is written in it, ${pinned?.[1]} or newer`,
    );
  });

  it('have the binaries that are made, and no others', () => {
    const shown = tableOf(section, 'processor, C library').flatMap(([, file]) => codeOf(file));
    const made = ['x64', 'arm64'].flatMap((arch) =>
      ['glibc', 'musl'].map((libc) => `prebuilds/linux-${arch}/proactor.${libc}.node`),
    );
    expect(textOf('scripts/toolchains.mjs')).toMatch(/MACHINES = \{ x64: .*, arm64: .* \};/);
    expect(shown.filter((code) => code.startsWith('prebuilds/'))).toEqual(made);
  });

  it('name each operation that some supported kernel lacks, at the kernels before the one that has it', () => {
    const rows = tableOf(section, 'Linux');
    for (const [name, definition] of Object.entries(operations)) {
      const { since } = definition as { since?: string };
      if (since === undefined) continue;
      const lacking = rows.filter(([, , lacks]) => codeOf(lacks).includes(name));
      const last = `${since.split('.')[0]}.${Number(since.split('.')[1]) - 1}`;
      expect(lacking.map(([kernels]) => kernels)).toEqual([expect.stringMatching(`to ${last}$`)]);
    }
  });
});
