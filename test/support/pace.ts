// How long tests may take, and how much they carry. In emulation (test/vm sets PROACTOR_VM) code runs some twenty times
// slower; anywhere else nothing is changed.

const SLOWNESS = 20;
const isEmulated = process.env['PROACTOR_VM'] !== undefined;

/** A limit of time, which something that hangs exceeds and something that works does not. */
export function patient(ms: number): number {
  return isEmulated ? ms * SLOWNESS : ms;
}

/** An amount that makes a test long rather than thorough: bytes of a transfer, rounds, connections. */
export function amount(full: number): number {
  return isEmulated ? Math.ceil(full / SLOWNESS) : full;
}

/** Whether a promise is settled in that time. */
export async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, patient(ms), false);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}
