// Colours for terminals. util.styleText came with Node 20.12 and looks at NO_COLOR later still, so this uses what Node
// 20.0 has: the terminal's own judgement of the environment, and the table of codes of util.inspect.
import { WriteStream } from 'node:tty';
import { inspect } from 'node:util';

export type Color = 'red' | 'yellow' | 'green' | 'cyan' | 'bold';
export type Paint = (color: Color, text: string) => string;

/** Colours on a terminal unless NO_COLOR is set; FORCE_COLOR decides in any case, as in Node. */
export function wantsColors(isTerminal: boolean, env: NodeJS.ProcessEnv): boolean {
  if (!isTerminal && env['FORCE_COLOR'] === undefined) return false;
  return WriteStream.prototype.getColorDepth(env) > 1;
}

export function painter(inColors: boolean): Paint {
  if (!inColors) return (_color, text) => text;
  return (color, text) => {
    const [on, off] = inspect.colors[color] ?? [0, 0];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}
