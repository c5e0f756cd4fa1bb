// The file workload: a large file that the server reads as a stream and pipes into a response of unknown length.
import { createReadStream, writeFileSync } from 'node:fs';
import { contestWorkload } from '../contest-workload.js';
import { driversFor } from '../drivers/index.js';
import { h2load, whyH2loadIsUnavailable } from '../h2load.js';
import { madeFile } from '../made-file.js';
import { integer } from '../options.js';
import { checkChunked } from '../responses.js';

const mebibyte = 1024 * 1024;

export const file = contestWorkload({
  name: 'file',
  summary: 'A file that is piped into a chunked response of HTTP, by h2load.',
  drivers: driversFor(['file']),
  shape: { mebibytes: integer('MiB of the file', 256, 1, 4096) },
  headline: 'bytesPerSecond',
  idOf: ({ mebibytes }) => `${mebibytes}MiB`,
  titleOf: ({ mebibytes }) => `A file of ${mebibytes} MiB piped into a chunked response`,
  contestOf: ({ mebibytes }) => {
    const fileBytes = mebibytes * mebibyte;
    const made = fileOf(fileBytes);
    return {
      task: { mode: 'file', connections: 1, bytesOutstanding: fileBytes, file: made },
      load: h2load({
        ...{ tls: false, connections: 1, streams: 1, options: ['--h1'] },
        responseBytes: fileBytes,
        unitsPerResponse: fileBytes / 1024,
        check: (target) => checkChunked(target, createReadStream(made)),
      }),
      loadUnavailable: whyH2loadIsUnavailable(),
      unit: 'Kibibyte',
      figures: ({ units, seconds }) => ({ bytesPerSecond: (units * 1024) / seconds }),
    };
  },
});

/** The path of a file of that length. Each of its words is another, so that no part can pass for another one. */
function fileOf(bytes: number): string {
  return madeFile(`${bytes}-bytes`, (made) => {
    const words = new Uint32Array(bytes / Uint32Array.BYTES_PER_ELEMENT);
    for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 0x9e3779b1);
    writeFileSync(made, words);
  });
}
