// The key and certificate of the servers of TLS, made when they are first needed: nothing of the kind is committed.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { madeFile } from './made-file.js';

const validDays = 30;
const dayMs = 86_400_000;

/** A file with both, for 127.0.0.1. Throws an Error where it cannot be made. */
export function identityFile(): string {
  return madeFile('identity.pem', make, isGoodForADay);
}

function isGoodForADay(file: string): boolean {
  const { validTo } = new X509Certificate(readFileSync(file));
  return Date.parse(validTo) - Date.now() > dayMs;
}

function make(file: string): void {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const output = ['-days', `${validDays}`, '-keyout', file, '-out', file];
  const { error, status, stderr } = spawnSync(
    'openssl',
    ['req', '-x509', '-nodes', ...kind, ...names, ...output],
    { encoding: 'utf8' },
  );
  if (error) throw new Error(`openssl cannot be run (Debian: openssl): ${error.message}`);
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr.trim()}`);
}
