import { guarded } from './guard.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** As much of undici's request as the channel `undici:request:create` shows. */
export interface UndiciRequest {
  method: string;
  origin: string | URL;
  path: string;
  upgrade?: unknown;
  body?: unknown;
  onData?: unknown;
}

/** From here on undici is sure to publish `bodyChunkSent` and `bodyChunkReceived`. */
const PUBLISHES_CHUNKS = [7, 16] as const;
const [major = 0, minor = 0] = (process.versions.undici ?? '').split('.').map(Number);

/** Whether Node's own fetch (Node 22) shows no bodies, so that they have to be looked at on the request itself. */
export const HIDES_BODIES =
  major < PUBLISHES_CHUNKS[0] || (major === PUBLISHES_CHUNKS[0] && minor < PUBLISHES_CHUNKS[1]);

/**
 * Looks at the bodies of one request in passing: what fetch sends comes out of an async iterator, what it receives goes
 * into `onData`. Order, timing and back-pressure stay the iterator's and undici's own.
 */
export function observeBodies(request: UndiciRequest, call: UpstreamCall): void {
  const { body, onData } = request;
  if (isPlainIterable(body)) {
    const look = guarded('a request body', (chunk: unknown) => call.addRequestChunk(chunk));
    request.body = (async function* () {
      for await (const chunk of body) {
        look(chunk);
        yield chunk;
      }
    })();
  }
  if (typeof onData !== 'function') return;
  const look = guarded('a response body', (chunk: unknown) => call.addResponseChunk(chunk));
  request.onData = function (this: unknown, chunk: unknown) {
    look(chunk);
    return onData.call(this, chunk);
  };
}

/** What fetch makes of a body; streams of the application's own are left alone. */
function isPlainIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body && !('pipe' in body);
}
