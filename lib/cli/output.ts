// What becomes of output that cannot be written: a full disk, a terminal that is gone, a reader that has seen enough.

/** The exit status where what was asked for could not be written. */
const STATUS_LOST = 3;

/** Says so on the other output, in a line, and lets the process end with a status of its own. */
export function guardOutput(): void {
  let isTold = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // As `| head` does: nothing that anybody wants is lost.
    if (error.code === 'EPIPE' || isTold) return;
    isTold = true;
    process.stderr.write(`proactor: the output cannot be written: ${error.message}\n`);
    // Only now: what the command came to would have the last word.
    process.once('exit', () => {
      process.exitCode = STATUS_LOST;
    });
  });
  // There is nowhere left to say it; the status still tells what the command came to.
  process.stderr.on('error', () => {});
}
