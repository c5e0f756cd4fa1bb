// What can be written to a stream.
import { invalidArgType } from '../errors';
import { Chunk, Lease } from './chunk';

/** What can be written: text, bytes, received bytes, and arrays of them. */
export type WriteData =
  | string
  | ArrayBufferView
  | Chunk
  | Lease
  | readonly (string | ArrayBufferView | Chunk | Lease)[];

/**
 * Throws unless it can be written.
 *
 * @throws ERR_INVALID_ARG_TYPE; ERR_PROACTOR_CHUNK_RETURNED.
 */
export function checkWriteData(data: WriteData): void {
  if (Array.isArray(data)) {
    data.forEach(checkElement);
    return;
  }
  if (isElement(data)) return;
  throw invalidArgType(
    'data',
    'of type string, an instance of Buffer, TypedArray, DataView, Chunk or Lease, or an array of them',
    data,
  );
}

function isElement(data: unknown): boolean {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return true;
  if (!(data instanceof Chunk || data instanceof Lease)) return false;
  void data.offset; // throws if its bytes were returned
  return true;
}

function checkElement(element: unknown, index: number): void {
  if (isElement(element)) return;
  throw invalidArgType(
    `data[${index}]`,
    'of type string or an instance of Buffer, TypedArray, DataView, Chunk or Lease',
    element,
  );
}

/** Three bytes a UTF-16 unit is the most that any encoding takes. */
export function mostBytesOf(text: string): number {
  return text.length * 3;
}
