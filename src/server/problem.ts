import { type ServerResponse, STATUS_CODES } from 'node:http';
import { log } from '../diag.ts';
import { type ErrorCode, LivespanError } from '../errors.ts';

/** One answer that says no, as RFC 9457 writes it (`application/problem+json`). Holds nothing but what a client may see. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sent with every answer: what a page of ours may do in a browser, and what nobody may do with it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = {
  too_many_readers: 5,
  log_unavailable: 1,
  log_full: 5,
  log_refused: 10,
  timeout: 1,
  closed: 1,
  too_many_requests: 60,
};

/** What the framework refuses before a route runs, in our codes. Its own sentences never reach a client. */
const FRAMEWORK: Readonly<Record<string, [code: ErrorCode, message: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The body is larger than this server takes'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'This route does not take a body of that media type'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as Content-Length says'],
  FST_ERR_BAD_URL: ['invalid_request', 'The path is not a valid URL path (broken percent-encoding)'],
  FST_ERR_MAX_PARAM_LENGTH: ['uri_too_long', 'A part of the path is too long'],
  FST_ERR_HANDLER_TIMEOUT: ['timeout', 'The request took too long'],
  ECONNRESET: ['invalid_request', 'The request was cut off'],
};

/**
 * Whatever was thrown, as a problem. Ours keep their sentence, code and details (`column`, `index`, `last` …); everything
 * else is logged and becomes `internal` without a word of its own.
 */
export function problemOf(thrown: unknown): Problem {
  const error = fitForClients(thrown);
  const status = error.httpStatus;
  const body = {
    ...error.details,
    type: `urn:livespan:problem:${error.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: error.message,
    code: error.code,
  };
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
  };
  const retryAfterS = RETRY_AFTER_S[error.code];
  if (retryAfterS !== undefined) headers['retry-after'] = String(retryAfterS);
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="livespan"';
  return { status, headers, body: JSON.stringify(body) };
}

/** Answers on a raw response whose head has not been sent; a response already under way is cut, so that nobody takes it as whole. */
export function writeProblem(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const problem = problemOf(thrown);
  const length = String(Buffer.byteLength(problem.body));
  response.writeHead(problem.status, { ...SECURITY_HEADERS, ...problem.headers, 'content-length': length });
  response.end(problem.body);
}

function fitForClients(thrown: unknown): LivespanError {
  if (thrown instanceof LivespanError && thrown.code !== 'internal') return thrown;
  const known = FRAMEWORK[codeOf(thrown)];
  if (known !== undefined) return new LivespanError(known[0], known[1], { cause: thrown });
  log.error('A request failed for a reason of ours', thrown);
  return new LivespanError('internal', 'The server failed to answer; its log says why', { cause: thrown });
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}
