// Says how far the benchmark is, on stderr: a bar on a terminal, a line per phase elsewhere. It draws only between
// trials, never during one.
import { SingleBar } from 'cli-progress';

const redrawsPerSecond = 2;

export class Progress {
  readonly #bar: SingleBar | undefined;
  #phase = '';

  constructor(trialCount: number) {
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({
      format: '{bar} {percentage}%  {phase}  {driver}',
      fps: redrawsPerSecond,
      clearOnComplete: true,
      hideCursor: true,
    });
    this.#bar.start(trialCount, 0, { phase: '', driver: '' });
  }

  phase(phase: string): void {
    this.#phase = phase;
    if (this.#bar === undefined) console.error(phase);
    this.#bar?.update({ phase });
  }

  trial(driver: string): void {
    this.#bar?.increment({ phase: this.#phase, driver });
  }

  end(): void {
    this.#bar?.stop();
  }
}
