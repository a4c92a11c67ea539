import { LivespanError, toLivespanError } from '../errors.ts';

export interface Answer {
  status: number;
  /** Parsed where it is JSON, else the text. */
  body: unknown;
  headers: Headers;
  ms: number;
}

const TIMEOUT_MS = 5_000;

/**
 * One request to a livespan server, bounded in time.
 * @throws LivespanError `log_unavailable` when nobody answers, `timeout`
 */
export async function ask(url: string, token: string | undefined, init: RequestInit = {}): Promise<Answer> {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  const startMs = performance.now();
  try {
    const response = await fetch(url, {
      ...init,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text), headers: response.headers, ms: performance.now() - startMs };
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
      throw new LivespanError('timeout', `no answer within ${TIMEOUT_MS} ms`, { cause: thrown });
    }
    throw new LivespanError('log_unavailable', reason(thrown), { cause: thrown });
  }
}

/** The answer's body as an object. @throws LivespanError where it is a problem, or none of ours */
export function bodyOf({ status, body }: Answer): Record<string, unknown> {
  const record = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  if (status === 200 && body === record) return record;
  if (status === 401)
    throw new LivespanError('unauthenticated', 'the server asks for a token: --token or LIVESPAN_TOKEN');
  const detail = typeof record.detail === 'string' ? record.detail : 'this is not a livespan server';
  throw new LivespanError('invalid_request', `status ${status}: ${detail}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function reason(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND') return 'there is no such host';
  return code ?? toLivespanError(cause ?? thrown).message;
}
