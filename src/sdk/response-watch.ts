import type { ServerResponse } from 'node:http';
import { byteLength } from './body-observer.ts';
import { type Exchange, errorType } from './exchange.ts';
import { watchProgress } from './gateway-progress.ts';
import { guarded } from './guard.ts';

/** What went to the client. */
export interface SentResponse {
  /** Absent where nothing was sent. */
  status: number | undefined;
  /** Body bytes, as the application gave them. */
  bytes: number;
  /** Writes that had data. */
  chunks: number;
  /** `performance.now()` of the first write with data. */
  firstChunkMs: number | undefined;
  outcome: 'sent' | 'cancelled' | 'failed';
  /** Type of the error with which the application destroyed the response. */
  error: string | undefined;
}

/**
 * Watches a response until it is handed to the system (`finish`) or its connection is gone (`close`); calls `onEnd`
 * exactly once, before listeners added earlier, so that a span that they end can still take an event.
 */
export function watchResponse(response: ServerResponse, exchange: Exchange, onEnd: (sent: SentResponse) => void): void {
  const sent: SentResponse = {
    status: undefined,
    bytes: 0,
    chunks: 0,
    firstChunkMs: undefined,
    outcome: 'sent',
    error: undefined,
  };
  const progress = watchProgress(exchange);
  const look = guarded('a response body', (chunk: unknown, encoding: unknown, isWrite: boolean) => {
    // Node leaves out what is written to a response that has no body.
    if (
      exchange.method === 'HEAD' ||
      response.statusCode === 204 ||
      response.statusCode === 304 ||
      response.writableEnded
    )
      return;
    const bytes = byteLength(chunk, encoding);
    if (bytes === 0) return;
    sent.bytes += bytes;
    sent.chunks += 1;
    sent.firstChunkMs ??= performance.now();
    if (exchange.toModel && !exchange.upstreamCalls.some((call) => call.genAi))
      exchange.responseBody.add(chunk, encoding);
    if (isWrite) progress(sent);
  });
  watchWrites(response, look);

  let destroyed = false;
  const destroy = response.destroy;
  response.destroy = function (this: ServerResponse, error?: Error) {
    // Only while the client is there: what an application tidies up after it left is no failure of ours.
    if (!response.writableFinished && response.socket?.destroyed === false) {
      destroyed = true;
      if (error !== undefined && error !== null) sent.error = errorType(error);
    }
    return destroy.call(this, error);
  };

  let ended = false;
  const end = (outcome: SentResponse['outcome']) =>
    guarded('the end of a response', () => {
      if (ended) return;
      ended = true;
      sent.status = response.headersSent ? response.statusCode : undefined;
      sent.outcome = outcome === 'sent' || !destroyed ? outcome : 'failed';
      onEnd(sent);
    });
  response.prependOnceListener('finish', end('sent'));
  response.prependOnceListener('close', end('cancelled'));
}

function watchWrites(
  response: ServerResponse,
  look: (chunk: unknown, encoding: unknown, isWrite: boolean) => void,
): void {
  // HTTP/2's `end` calls `write`: a chunk counts once.
  let inside = false;
  for (const method of ['write', 'end'] as const) {
    const original = response[method] as (...args: unknown[]) => unknown;
    Object.assign(response, {
      [method](this: ServerResponse, ...args: unknown[]) {
        if (inside) return original.apply(this, args);
        // With `end` there is nothing to wait for any more.
        look(args[0], args[1], method === 'write');
        inside = true;
        try {
          return original.apply(this, args);
        } finally {
          inside = false;
        }
      },
    });
  }
}
