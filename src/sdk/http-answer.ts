import { parseCursor } from '../activity/cursor.ts';
import { type ErrorCode, LivespanError } from '../errors.ts';
import type { Rejection, TargetResult } from './target.ts';

/** Codes of a problem document that mean the same to a sender as they do to a server. */
const KNOWN_CODES: readonly ErrorCode[] = [
  'invalid_request',
  'invalid_activity',
  'unauthenticated',
  'forbidden',
  'payload_too_large',
  'host_not_allowed',
  'log_unavailable',
  'log_full',
  'log_refused',
  'timeout',
  'closed',
];
const RETRY_AFTER_MS_MAX = 30_000;

/** What a livespan server's answer to `POST /ingest` means for the batch. Never throws, whoever answered. */
export function readAnswer(
  status: number,
  text: string,
  retryAfter: string | undefined,
  description: string,
): TargetResult {
  const body = parse(text);
  if (status === 200 && body !== undefined && 'accepted' in body) return accepted(body);
  const last = body?.last;
  if (status === 409 && Number.isSafeInteger(last)) return { outcome: 'out_of_order', last: last as number };
  return { outcome: 'failed', ...problem(status, body, retryAfter, description) };
}

function accepted(body: Record<string, unknown>): TargetResult {
  const first = typeof body.first === 'string' ? parseCursor(body.first) : undefined;
  const last = typeof body.last === 'string' ? parseCursor(body.last) : undefined;
  const shared = { ...(first && { first }), ...(last && { last }), rejected: rejections(body.rejected) };
  return body.duplicate === true
    ? { outcome: 'duplicate', ...shared }
    : { outcome: 'appended', unpublished: 0, ...shared };
}

function rejections(value: unknown): Rejection[] {
  if (!Array.isArray(value)) return [];
  const valid: Rejection[] = [];
  for (const item of value as unknown[]) {
    const { index, code, message } = (item ?? {}) as Record<string, unknown>;
    if (Number.isSafeInteger(index))
      valid.push({ index: index as number, code: String(code), message: String(message) });
  }
  return valid;
}

function problem(
  status: number,
  body: Record<string, unknown> | undefined,
  retryAfter: string | undefined,
  description: string,
): { error: LivespanError; applied: 'no' | 'unknown' } {
  const given = KNOWN_CODES.find((code) => code === body?.code);
  const detail = typeof body?.detail === 'string' ? `: ${body.detail.slice(0, 300)}` : '';
  const code = given ?? codeOf(status);
  const seconds = Number(retryAfter);
  const retryAfterMs = seconds > 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) : 0;
  const error = new LivespanError(code, `${description} answered ${status}${detail}`, { details: { retryAfterMs } });
  // Below 500 the server looked at the request and did nothing; above, it may have got half-way.
  return { error, applied: status >= 400 && status < 500 ? 'no' : 'unknown' };
}

/** Without a code it is not our server that speaks (a proxy, another service): never a judgement on the content. */
function codeOf(status: number): ErrorCode {
  if (status === 413) return 'payload_too_large';
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  return status >= 500 || status === 429 || status === 408 ? 'log_unavailable' : 'log_refused';
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
