// The workloads over TLS that have a plain counterpart: the same loads and servers, with TLS between them.
import type { Contest } from '../contest.js';
import { contestWorkload } from '../contest-workload.js';
import { tlsDriversFor } from '../drivers/index.js';
import { whyNativeLoadIsUnavailable } from '../load.js';
import type { NativeProgram } from '../paths.js';
import { bytesWord } from '../words.js';
import { bulkContest, bulkShape, bulkTitle, bulkWord, checkBulk } from './bulk.js';
import { churnContest, churnShape, churnWord } from './churn.js';

export const tlsBulk = contestWorkload({
  name: 'tls-bulk',
  summary: 'Bulk transfer in one direction over TLS.',
  drivers: tlsDriversFor(['sink', 'source']),
  shape: bulkShape,
  headline: 'bytesPerSecond',
  check: checkBulk,
  idOf: bulkWord,
  titleOf: (values) => `${bulkTitle(values)}, over TLS`,
  contestOf: (values) =>
    overTls(bulkContest(values, 'sink', 'source', 'tls_bulk_load'), 'tls_bulk_load'),
});

export const tlsChurn = contestWorkload({
  name: 'tls-churn',
  summary: 'Short connections over TLS: connect, resume the session, one echo, close.',
  drivers: tlsDriversFor(['echo']),
  shape: churnShape,
  headline: 'connectionsPerSecond',
  idOf: churnWord,
  titleOf: ({ connections, size }) =>
    `Connect, resume a TLS session, echo ${bytesWord(size)}, close; ${connections} at a time`,
  contestOf: (values) => overTls(churnContest(values, 'tls_churn_load'), 'tls_churn_load'),
});

function overTls(
  contest: Omit<Contest, 'drivers'>,
  program: NativeProgram,
): Omit<Contest, 'drivers'> {
  return {
    ...contest,
    task: { ...contest.task, tls: true },
    loadUnavailable: whyNativeLoadIsUnavailable(program, 'it needs OpenSSL (Debian: libssl-dev)'),
  };
}
