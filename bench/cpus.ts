// Which cores the server and the load generator run on.
import { readFileSync } from 'node:fs';

export interface Placement {
  readonly serverCpus: readonly number[];
  readonly loadCpu: number;
}

/** '0,2-4' as [0, 2, 3, 4]. Throws an Error for text of another form. */
export function parseCpuList(text: string): readonly number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const match = /^(\d+)(?:-(\d+))?$/.exec(range.trim());
      const first = Number(match?.[1]);
      const last = Number(match?.[2] ?? first);
      if (!match || last < first) throw new Error(`'${text}' is no list of processors`);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** The cores this process may use. */
export function allowedCpus(): readonly number[] {
  const match = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return parseCpuList(match?.[1] ?? '0');
}

/**
 * The last cores for the server (one, unless `serverCoreCount` says more) and the one before them for the load: the
 * first cores tend to have the machine's other work. Where none is left for the load it shares the server's first.
 */
export function placeOn(
  allowed: readonly number[],
  wish: { readonly sharedCore: boolean; readonly serverCpus: readonly number[] | undefined },
  serverCoreCount = 1,
): Placement {
  const serverCpus = wish.serverCpus ?? allowed.slice(wish.sharedCore ? -1 : -serverCoreCount);
  const forbidden = serverCpus.filter((cpu) => !allowed.includes(cpu));
  if (forbidden.length > 0) {
    throw new Error(
      `core ${forbidden.join(', ')} is not among the usable cores ${allowed.join(',')}`,
    );
  }
  const others = allowed.filter((cpu) => !serverCpus.includes(cpu));
  const loadCpu = wish.sharedCore ? serverCpus[0] : (others.at(-1) ?? serverCpus[0]);
  return { serverCpus, loadCpu: loadCpu ?? 0 };
}
