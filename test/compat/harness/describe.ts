// Turns what a scenario observed into plain data that two runs can be compared by: errors with all that they carry, known
// objects by name, and what differs from run to run (ports, folders) by what it stands for.
import { createHash } from 'node:crypto';

const PORT_KEYS = /^(?:port|localPort|remotePort)$/;
/** Longer data is described by its length and a digest. */
const SHOWN_BYTES = 80;
const EPHEMERAL_PORT_MIN = 1024;

type Plain = unknown;

export class Describer {
  readonly #names = new WeakMap<object, string>();
  readonly #ports = new Map<number, string>();
  readonly #texts: [text: string, label: string][] = [];

  /** `object` is shown as `[label]` from now on. */
  name(object: object, label: string): void {
    this.#names.set(object, label);
  }

  /** The port is shown as `<label>`; any other ephemeral one as `<port>`. */
  namePort(port: number, label: string): void {
    this.#ports.set(port, label);
  }

  /** The text, a folder's path for example, is shown as `<label>` wherever it stands. */
  nameText(text: string, label: string): void {
    this.#texts.push([text, label]);
  }

  describe(value: unknown, key = ''): Plain {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'number') return this.#number(value, key);
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'object' || typeof value === 'function') return this.#object(value);
    return `[${typeof value}${value === undefined ? '' : ` ${String(value)}`}]`;
  }

  #text(value: string): string {
    let text = value;
    for (const [known, label] of this.#texts) text = text.replaceAll(known, `<${label}>`);
    text = text.replace(/(?<=:)\d{4,5}\b/g, (port) => String(this.#port(Number(port))));
    return text.length <= SHOWN_BYTES * 4 ? text : digest(Buffer.from(value));
  }

  #number(value: number, key: string): Plain {
    if (PORT_KEYS.test(key)) return this.#port(value);
    if (key === '' && this.#ports.has(value)) return this.#port(value);
    return Number.isFinite(value) ? value : String(value);
  }

  #port(port: number): string | number {
    const label = this.#ports.get(port) ?? (port >= EPHEMERAL_PORT_MIN ? 'port' : undefined);
    return label === undefined ? port : `<${label}>`;
  }

  #object(value: object): Plain {
    const name = this.#names.get(value);
    if (name !== undefined) return `[${name}]`;
    if (value instanceof Error) return this.#error(value);
    if (ArrayBuffer.isView(value)) return bytesOf(value);
    if (typeof value === 'function') return '[function]';
    if (Array.isArray(value)) return value.map((item) => this.describe(item));
    const prototype = Object.getPrototypeOf(value) as object | null;
    const isPlain = prototype === null || prototype === Object.prototype;
    return isPlain ? this.#entries(value) : `[a ${value.constructor.name}]`;
  }

  #entries(value: object): Record<string, Plain> {
    const entries = Object.entries(value).map(([key, item]) => [key, this.describe(item, key)]);
    return Object.fromEntries(entries) as Record<string, Plain>;
  }

  #error(error: Error): Plain {
    const { errors } = error as { errors?: readonly unknown[] };
    return {
      error: error.constructor.name,
      name: error.name,
      message: this.#text(error.message),
      ...this.#entries(error),
      ...(errors ? { errors: errors.map((each) => this.describe(each)) } : {}),
      ...('cause' in error ? { cause: this.describe(error.cause) } : {}),
    };
  }
}

function digest(bytes: Buffer): string {
  return `${bytes.length} bytes, SHA-1 ${createHash('sha1').update(bytes).digest('hex')}`;
}

function bytesOf(view: ArrayBufferView): Plain {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const kind = view.constructor.name;
  return bytes.length <= SHOWN_BYTES
    ? { [kind]: bytes.toString('latin1') }
    : { [kind]: digest(bytes) };
}
