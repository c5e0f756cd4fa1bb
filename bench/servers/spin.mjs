// The busy part of a message: a fixed number of turns of a loop that no engine can shorten, since each turn needs the
// result of the one before. Work rather than time, so that a server that is preempted in it has gained nothing.
//
//   node spin.mjs MICROSECONDS   prints the number of turns that take so long here

let state = 1;

export function spin(iterations) {
  // Integers from the start: else V8 keeps them boxed where it inlines the loop into a large function, which makes the
  // same turns four times as dear in one server as in another.
  const turns = iterations | 0;
  let value = state | 0;
  for (let i = 0; i < turns; i++) value = (Math.imul(value, 1664525) + 1013904223) | 0;
  state = value; // kept, so that the loop is not without a purpose
}

// The fastest of many: what is slower was disturbed.
function iterationsIn(microseconds) {
  const trial = 20_000;
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3000; i++) {
    const start = performance.now();
    spin(trial);
    fastestMs = Math.min(fastestMs, performance.now() - start);
  }
  return Math.round((trial / (fastestMs * 1000)) * microseconds);
}

const [, script, microseconds] = process.argv;
if (script?.endsWith('/spin.mjs')) console.log(iterationsIn(Number(microseconds)));
