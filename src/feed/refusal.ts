import type { IncomingMessage } from 'node:http';
import { type ErrorCode, type ErrorDetails, LivespanError } from '../errors.ts';

/** A server's no. */
export interface Refusal {
  error: LivespanError;
  /** Asking again would bring the same answer. */
  final: boolean;
  /** What `Retry-After` asks for, ms; 0 where there is none. */
  retryAfterMs: number;
}

const BODY_CHARS_MAX = 65_536;
const RETRY_AFTER_MAX_MS = 120_000;

/** Answers that stay as they are however often one asks; the codes are those a server of ours gives with them. */
const FINAL: Readonly<Record<number, readonly [ErrorCode, ...ErrorCode[]]>> = {
  400: ['invalid_request', 'invalid_filter', 'invalid_cursor'],
  401: ['unauthenticated'],
  403: ['forbidden'],
};

/** Reads the problem details (RFC 9457) of an answer that is no stream. */
export async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const status = response.statusCode ?? 0;
  const problem = readProblem(await readBody(response));
  const codes = FINAL[status];
  const code = codes?.find((candidate) => candidate === problem.code) ?? codes?.[0] ?? 'log_unavailable';
  // A proxy in front of a server that is away answers so, too; so it is asked again, and the user told.
  const foreign = `The server answered ${status} instead of a stream${status < 500 ? ': is this the address of a livespan server?' : ''}`;
  const message = problem.detail ?? foreign;
  return {
    error: new LivespanError(code, message, { details: { ...problem.details, status } }),
    final: codes !== undefined,
    retryAfterMs: readRetryAfter(response.headers['retry-after']),
  };
}

async function readBody(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > BODY_CHARS_MAX) break;
  }
  return text;
}

function readProblem(text: string): { code?: string; detail?: string; details: ErrorDetails } {
  const details: Record<string, string | number | boolean> = {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { details };
  }
  if (typeof body !== 'object' || body === null) return { details };
  const { code, detail, column, parameter } = body as Record<string, unknown>;
  if (typeof column === 'number') details.column = column;
  if (typeof parameter === 'string') details.parameter = parameter;
  return {
    ...(typeof code === 'string' && { code }),
    ...(typeof detail === 'string' && { detail: detail.slice(0, 500) }),
    details,
  };
}

/** Seconds or a date (RFC 9110 section 10.2.3). */
function readRetryAfter(text: string | undefined): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : 0;
}
