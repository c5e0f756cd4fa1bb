// Module hooks: `import` of `net` from anywhere but this package itself gets this package's.
let own;

export function initialize(data) {
  own = data.own;
}

export function resolve(specifier, context, nextResolve) {
  const isOwn = context.parentURL?.startsWith(own);
  if (isOwn || !/^(?:node:)?net$/.test(specifier)) return nextResolve(specifier, context);
  return nextResolve('proactor/net', { ...context, parentURL: import.meta.url });
}
