// Sends that need not go through the ring: in thread dispatch the JavaScript thread performs them itself while the I/O
// thread sleeps. Nobody may be able to tell, on either dispatcher.
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { addon as maybeAddon } from '#lib/ring/binding';
import { completionOf, delay } from './support/completions';
import { describeEach } from './support/dispatchers';
import { tcpPair } from './support/sockets';

const _addon = maybeAddon!;
const MSG_OOB = 1;
const MSG_DONTWAIT = 0x40;
// Until the I/O thread sleeps.
const ASLEEP_MS = 20;

describeEach('a send while nothing else is initiated', (dispatcher) => {
  const { open } = dispatcher;

  it('has the flags that it was given', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    await delay(ASLEEP_MS);
    expect(await proactor.send(near, Buffer.from('x'), 0, 1, MSG_OOB)).toBe(1);
    // Out of band: there is nothing to be received in the ordinary way.
    const { result } = await completionOf((handler) =>
      proactor.recv(far, Buffer.alloc(1), 0, 1, MSG_DONTWAIT, handler),
    );
    expect(result).toBe(-constants.EAGAIN);
  });
});
