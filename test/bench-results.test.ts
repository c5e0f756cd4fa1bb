// The committed results against what is made of them: no figure in the page, the charts or README is of another origin.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { committedResults, madeFrom, readmeFile, withFigures } from '../bench/commands/charts.js';
import { chartFiles } from '../bench/report/charts.js';
import { readResults } from '../bench/report/results-file.js';

const isThere = existsSync(committedResults);
const describeOrSkip = isThere ? describe : describe.skip;

describeOrSkip(
  `the committed results${isThere ? '' : ' (skipped: none are committed yet)'}`,
  () => {
    const folder = path.dirname(committedResults);
    const textOf = (name: string) => readFileSync(path.join(folder, name), 'utf8');
    const made = () => madeFrom(committedResults, readResults(committedResults));

    it('are what the page and the charts show', () => {
      for (const [name, text] of made().files) expect(textOf(name) === text ? '' : name).toBe('');
    });

    it('have a chart for each file of one', () => {
      const { files } = made();
      const stale = readdirSync(folder).filter(
        (name) => chartFiles.includes(name) && !files.has(name),
      );
      expect(stale).toEqual([]);
    });

    it('have a reason for every loss', () => {
      expect(made().losses.unexplained).toEqual([]);
    });

    it('are what README quotes', () => {
      const readme = readFileSync(readmeFile, 'utf8');
      expect(readme).toBe(withFigures(readme, readResults(committedResults)));
    });
  },
);
