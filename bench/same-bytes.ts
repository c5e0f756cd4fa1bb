// Compares what came with what was due, piece by piece, so that neither has to be in memory as a whole.

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Rejects unless both have the same bytes, however they are cut. */
export async function expectSameBytes(came: Bytes, due: Bytes): Promise<void> {
  const rest = new Remainder(due);
  for await (const piece of came) {
    for (let at = 0; at < piece.length; ) {
      const expected = await rest.next(piece.length - at);
      if (expected === undefined) throw new Error('more bytes came than were due');
      if (Buffer.compare(piece.subarray(at, at + expected.length), expected) !== 0) {
        throw new Error('other bytes came than were due');
      }
      at += expected.length;
    }
  }
  if ((await rest.next(1)) !== undefined) throw new Error('fewer bytes came than were due');
}

class Remainder {
  readonly #pieces: AsyncGenerator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(bytes: Bytes) {
    this.#pieces = piecesOf(bytes);
  }

  /** The next bytes, at most so many and at least one; undefined at the end. */
  async next(lengthMax: number): Promise<Uint8Array | undefined> {
    while (this.#piece.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return undefined;
      this.#piece = value;
    }
    const bytes = this.#piece.subarray(0, lengthMax);
    this.#piece = this.#piece.subarray(bytes.length);
    return bytes;
  }
}

async function* piecesOf(bytes: Bytes): AsyncGenerator<Uint8Array> {
  yield* bytes;
}
