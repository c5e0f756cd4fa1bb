// Waiting for events of a descriptor, once and again and again.
import { expect, it } from '@jest/globals';
import { constants } from 'proactor';
import { completionOf, delay, Recorder } from './support/completions';
import { describeAll, describeEach } from './support/dispatchers';
import { pipe } from './support/files';
import { tcpPair } from './support/sockets';

const { ECANCELED, IORING_CQE_F_MORE, POLLIN, POLLOUT } = constants;
const EBADF = 9;

describeAll('pollAdd', ({ open }) => {
  it('completes with the events once there are any', async () => {
    const proactor = open();
    const { reader, writer } = pipe();
    const recorder = new Recorder();
    proactor.pollAdd(reader, POLLIN, recorder.handler);
    await delay(10);
    expect(recorder.completions).toEqual([]);
    await proactor.write(writer, Buffer.from('x'));
    await recorder.reach(1);
    expect(recorder.completions).toEqual([{ result: POLLIN, flags: 0 }]);
  });

  it('fulfils its promise with the events', async () => {
    const proactor = open();
    const { near } = await tcpPair(proactor);
    expect(await proactor.pollAdd(near, POLLIN | POLLOUT)).toBe(POLLOUT);
  });

  it('rejects with EBADF for a descriptor that is not open', async () => {
    const proactor = open();
    await expect(proactor.pollAdd(1_000_000, POLLIN)).rejects.toMatchObject({
      code: 'EBADF',
      errno: -EBADF,
      syscall: 'poll',
    });
  });

  it('ends with an AbortError by its signal', async () => {
    const proactor = open();
    const promise = proactor.pollAdd(pipe().reader, POLLIN, { signal: AbortSignal.timeout(5) });
    await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describeEach('pollMultishot', ({ open }) => {
  it('completes each time there is something, until it is cancelled', async () => {
    const proactor = open();
    const { reader, writer } = pipe();
    const recorder = new Recorder();
    const id = proactor.pollMultishot(reader, POLLIN, recorder.handler);
    for (let i = 1; i <= 3; i++) {
      await proactor.write(writer, Buffer.from('x'));
      await recorder.reach(i);
      expect(recorder.completions[i - 1]).toEqual({ result: POLLIN, flags: IORING_CQE_F_MORE });
    }
    proactor.cancel(id);
    await recorder.reach(4);
    expect(recorder.completions[3]).toEqual({ result: -ECANCELED, flags: 0 });
  });

  it('reports that the other end hung up', async () => {
    const proactor = open();
    const { near, far } = await tcpPair(proactor);
    const recorder = new Recorder();
    const id = proactor.pollMultishot(near, constants.POLLRDHUP, recorder.handler);
    await proactor.shutdown(far, constants.SHUT_WR);
    await recorder.reach(1);
    expect(recorder.results[0]! & constants.POLLRDHUP).toBe(constants.POLLRDHUP);
    proactor.cancel(id);
    await recorder.reach(2);
  });

  it('tells an error once, without F_MORE', async () => {
    const proactor = open();
    const completion = await completionOf((handler) =>
      proactor.pollMultishot(1_000_000, POLLIN, handler),
    );
    expect(completion).toEqual({ result: -EBADF, flags: 0 });
  });
});

describeEach('pollRemove', ({ open }) => {
  it('ends a poll, which completes with ECANCELED', async () => {
    const proactor = open();
    const recorder = new Recorder();
    const id = proactor.pollAdd(pipe().reader, POLLIN, recorder.handler);
    expect(await proactor.pollRemove(id)).toBe(0);
    await recorder.reach(1);
    expect(recorder.results).toEqual([-ECANCELED]);
  });

  it('rejects with ENOENT where there is no such poll', async () => {
    const proactor = open();
    let id = 0;
    await completionOf((handler) => {
      id = proactor.nop(handler);
    });
    await expect(proactor.pollRemove(id)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
