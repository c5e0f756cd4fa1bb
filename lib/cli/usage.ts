// Command lines that cannot be followed, and the numbers in those that can.
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What the user asked for cannot be followed; the message is for them. The exit status is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** parseArgs, whose complaints become usage errors. */
export function parse<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's text may have advice on passing what it did not know as a positional argument; that is no use here.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.replace(/\. To specify a positional.*$/s, ''));
  }
}

export function integer(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${name} must be an integer from ${min} to ${max}, not '${text}'`);
}

export function decimal(name: string, text: string, min: number, max: number): number {
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${name} must be a number from ${min} to ${max}, not '${text}'`);
}
