import { LivespanError } from '../errors.ts';

export function closedError(): LivespanError {
  return new LivespanError('closed', 'the log was closed by its user');
}

/** For a call whose signal was aborted. */
export function givenUpError(): LivespanError {
  return new LivespanError('timeout', 'given up by its caller before the log answered');
}
