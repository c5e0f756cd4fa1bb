// Jest loads this into each test file. All files share a process and its event loop, in which a single proactor sleeps in
// the kernel: one that a test leaves behind changes what later files test. So the test that leaves it fails.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import type { Proactor } from 'proactor';
import './cleanup'; // its hook ends what the test made, before the one here looks what is left

const alive = new Set<Proactor>();
const proactorOf = (message: unknown): Proactor => (message as { proactor: Proactor }).proactor;
const onOpen = (message: unknown): unknown => alive.add(proactorOf(message));
const onDispose = (message: unknown): unknown => alive.delete(proactorOf(message));

subscribe('proactor:open', onOpen);
subscribe('proactor:dispose', onDispose);
afterAll(() => {
  unsubscribe('proactor:open', onOpen);
  unsubscribe('proactor:dispose', onDispose);
});

// What beforeAll() made is for several tests.
beforeEach(() => alive.clear());

afterEach(async () => {
  const left = [...alive];
  await Promise.all(left.map((proactor) => proactor.dispose()));
  if (left.length > 0) throw new Error(`the test left ${left.length} proactors behind`);
});
