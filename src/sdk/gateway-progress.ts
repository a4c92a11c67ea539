import { callIdOf } from './call-id.ts';
import { type Exchange, formatDuration, round } from './exchange.ts';
import { timeToFirstChunk } from './gateway-response.ts';
import { currentPublisher } from './publisher-registry.ts';
import type { SentResponse } from './response-watch.ts';
import { placeOf } from './span-place.ts';

/** Told at most so often; of a long answer more rarely, so that an hour of it makes some 70 activities. */
const EVERY_MS = 1_000;
const EVERY_SHARE = 0.1;

/**
 * `gateway.response_progress`: with the first chunk of an answer that a model streams, and now and then while it goes on.
 * On the feed alone: history has the sums with `gateway.response_sent`, and a span holds a bounded number of events.
 * @returns takes what was sent so far, after each chunk
 */
export function watchProgress(exchange: Exchange): (sent: SentResponse) => void {
  let dueMs = 0;
  return (sent) => {
    const nowMs = performance.now();
    if (nowMs < dueMs || !isStreaming(exchange)) return;
    const elapsedMs = nowMs - exchange.startMs;
    dueMs = nowMs + Math.max(EVERY_MS, elapsedMs * EVERY_SHARE);
    publishProgress(exchange, sent, elapsedMs);
  };
}

function isStreaming({ upstreamCalls, responseBody }: Exchange): boolean {
  return upstreamCalls.some(({ genAi, response }) => genAi && response.streamed) || responseBody.streamed;
}

function publishProgress(exchange: Exchange, { bytes, chunks, firstChunkMs }: SentResponse, elapsedMs: number): void {
  const publisher = currentPublisher();
  if (publisher === undefined) return;
  const { traceId, spanId, sampled } = placeOf(exchange.span);
  const callId = callIdOf(exchange.context);
  publisher.publish({
    name: 'gateway.response_progress',
    severity: 'debug',
    summary: `Response goes on: ${chunks} chunk${chunks === 1 ? '' : 's'}, ${bytes} bytes after ${formatDuration(elapsedMs)}`,
    ...(callId !== undefined && { callId }),
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    ...(sampled !== undefined && { sampled }),
    attributes: {
      'gateway.chunks': chunks,
      'http.response.body.size': bytes,
      ...(firstChunkMs !== undefined && { 'gateway.time_to_first_chunk_ms': round(firstChunkMs - exchange.startMs) }),
      ...timeToFirstChunk(exchange),
    },
  });
}
