// What a stream says to those who write to it too late.
import { proactorError } from '../errors';

/** For what was written before, and not sent. */
export function destroyedError(): Error {
  return proactorError('ERR_STREAM_DESTROYED', 'The stream was destroyed before this was sent');
}

export function writeAfterDestroy(): Error {
  return proactorError('ERR_STREAM_DESTROYED', 'Cannot write after a stream was destroyed');
}

export function writeAfterEnd(): Error {
  return proactorError('ERR_STREAM_WRITE_AFTER_END', 'write after end');
}
