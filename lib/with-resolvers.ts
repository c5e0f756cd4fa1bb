// A promise whose owner settles it.
interface Resolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** As Promise.withResolvers(), which Node 20 lacks. */
export function withResolvers(): Resolvers {
  let resolve: (() => void) | undefined;
  let reject: ((error: Error) => void) | undefined;
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve: resolve!, reject: reject! };
}
