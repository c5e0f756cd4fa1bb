// What the HTTP servers answer.

export const bodies = {
  hello: 'hello',
  '10KiB': Buffer.alloc(10 * 1024, 'proactor'),
};
