import type { AttributeValue, Severity } from '../activity/activity.ts';
import { type Exchange, emitFor, formatDuration, round } from './exchange.ts';
import { type GenAiResponse, genAiResponseAttributes } from './genai-response.ts';
import type { SentResponse } from './response-watch.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** `gateway.response_sent`: how the exchange ended, and what the language model said about its answer. */
export function emitResponseSent(exchange: Exchange, sent: SentResponse): void {
  const durationMs = round(performance.now() - exchange.startMs);
  const failedUpstreams = exchange.upstreamCalls.filter((call) => call.error !== undefined);
  if (sent.outcome === 'failed') exchange.error ??= sent.error ?? failedUpstreams.at(-1)?.error ?? 'destroyed';
  const error = exchange.error ?? failureStatus(sent.status);
  const genAi = answerOf(exchange);

  emitFor(exchange, 'gateway.response_sent', {
    severity: severityOf(sent, error),
    summary: sentence(sent, error, durationMs, genAi),
    data: {
      'http.response.status_code': sent.status,
      'http.response.body.size': sent.bytes,
      'gateway.chunks': sent.chunks,
      'gateway.duration_ms': durationMs,
      'gateway.time_to_first_chunk_ms':
        sent.firstChunkMs === undefined ? undefined : round(sent.firstChunkMs - exchange.startMs),
      'upstream.attempts': exchange.attempts,
      'upstream.errors': failedUpstreams.length === 0 ? undefined : failedUpstreams.map((call) => call.error ?? ''),
      ...(sent.outcome === 'cancelled' ? { cancelled: true } : {}),
      ...(error === undefined ? {} : { error }),
      ...genAiResponseAttributes(genAi),
      ...timeToFirstChunk(exchange),
    },
  });
}

/** What the models said, figures of several calls added up; without such a call, what the client was told. */
function answerOf(exchange: Exchange): GenAiResponse {
  const answers = exchange.upstreamCalls.filter(isModelAnswer).map((call) => call.response.result());
  const last = answers.at(-1);
  if (last === undefined) return exchange.responseBody.result();
  const usage: Record<string, number> = {};
  for (const answer of answers) {
    for (const [key, count] of Object.entries(answer.usage)) usage[key] = (usage[key] ?? 0) + count;
  }
  return { ...last, usage };
}

function isModelAnswer(call: UpstreamCall): boolean {
  return call.genAi && call.status !== undefined && call.status < 300;
}

/** Seconds from the upstream request to the first chunk of a streamed answer (GenAI conventions). */
export function timeToFirstChunk(exchange: Exchange): Record<string, AttributeValue> {
  const call = exchange.upstreamCalls.findLast(isModelAnswer);
  if (call?.response.firstChunkMs === undefined || !call.response.streamed) return {};
  return { 'gen_ai.response.time_to_first_chunk': round((call.response.firstChunkMs - call.startMs) / 1_000) };
}

/** A status that says that the server failed, as an error's type (semantic conventions). */
export function failureStatus(status: number | undefined): string | undefined {
  return status !== undefined && status >= 500 ? String(status) : undefined;
}

function severityOf(sent: SentResponse, error: string | undefined): Severity {
  if (error !== undefined) return 'error';
  return sent.outcome === 'cancelled' || (sent.status ?? 0) >= 400 ? 'warn' : 'info';
}

/** "Response sent: 200, 12 chunks, 3400 bytes in 812 ms (9 tokens in, 32 out)" */
function sentence(sent: SentResponse, error: string | undefined, durationMs: number, genAi: GenAiResponse): string {
  const input = genAi.usage['gen_ai.usage.input_tokens'];
  const output = genAi.usage['gen_ai.usage.output_tokens'];
  const tokens = input === undefined && output === undefined ? '' : ` (${input ?? 0} tokens in, ${output ?? 0} out)`;
  const took = formatDuration(durationMs);
  if (sent.outcome === 'cancelled') return `Response cancelled by the client after ${took}: ${sizeOf(sent)}`;
  if (sent.outcome === 'failed') return `Response broken off after ${took}: ${error}, ${sizeOf(sent)}`;
  return `Response sent: ${sizeOf(sent)} in ${took}${tokens}`;
}

function sizeOf({ status, chunks, bytes }: SentResponse): string {
  if (status === undefined) return 'nothing was sent';
  return `${status}, ${chunks} chunk${chunks === 1 ? '' : 's'}, ${bytes} bytes`;
}
