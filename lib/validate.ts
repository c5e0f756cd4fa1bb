// Checks of arguments, each throwing Node's own error for the case.
import { badPort, invalidArgType, invalidArgValue, outOfRange } from './errors';

const INT32_MAX = 0x7fffffff;

export function checkInteger(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

/** A file descriptor. Written so that the good case is two comparisons. */
export function checkDescriptor(value: number, name = 'fd'): number {
  if (typeof value === 'number' && (value | 0) === value && value >= 0) return value;
  return checkInteger(value, name, 0, INT32_MAX);
}

/** A set of flag bits; undefined means none. */
export function checkFlags(value: number | undefined, name = 'flags'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && (value | 0) === value && value >= 0) return value;
  return checkInteger(value, name, 0, 0xffffffff);
}

export function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
  return value;
}

export function checkString(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
  return value;
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value);
}

export function checkObject(value: unknown, name: string): void {
  if (value === null || typeof value !== 'object')
    throw invalidArgType(name, 'of type object', value);
}

export function checkOneOf<T extends string>(
  value: unknown,
  name: string,
  allowed: readonly T[],
): T {
  if (!allowed.includes(value as T)) {
    throw invalidArgValue(
      name,
      value,
      `must be one of: ${allowed.map((v) => `'${v}'`).join(', ')}`,
    );
  }
  return value as T;
}

export function checkPort(value: unknown, name = 'Port'): number {
  const port = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw badPort(name, value);
  }
  return port;
}

export function checkSignal(value: unknown, name: string): void {
  if (value === undefined) return;
  if (value === null || typeof value !== 'object' || !('aborted' in value)) {
    throw invalidArgType(name, 'an instance of AbortSignal', value);
  }
}

export function checkView(value: unknown, name: string): void {
  if (!ArrayBuffer.isView(value)) {
    throw invalidArgType(name, 'an instance of Buffer, TypedArray, or DataView', value);
  }
}

/** Milliseconds of a Node timer or a timeout: a finite number >= 0. */
export function checkMs(
  value: unknown,
  name: string,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!(value >= 0 && value <= max)) throw outOfRange(name, `>= 0 && <= ${max}`, value);
  return value;
}

/** A path: a string without null bytes. */
export function checkPath(value: unknown, name: string): string {
  const path = checkString(value, name);
  if (path.includes('\0')) throw invalidArgValue(name, path, 'must be a string without null bytes');
  return path;
}
