import { LivespanError, toLivespanError } from '../errors.ts';
import { hasCredentials } from '../server-url.ts';

export interface Answer {
  status: number;
  /** Parsed where it is JSON, else the text. */
  body: unknown;
  headers: Headers;
  ms: number;
  /** Whether a token was sent along. */
  hadToken: boolean;
}

const TIMEOUT_MS = 5_000;

/**
 * One request to a livespan server, bounded in time.
 * @throws LivespanError `log_unavailable` when nobody answers, `timeout`, `invalid_option` for a user or password in `url`
 */
export async function ask(url: string, token: string | undefined, init: RequestInit = {}): Promise<Answer> {
  // fetch would refuse it with a sentence that has the password in it.
  refuseCredentials(url);
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
    const { status } = response;
    const ms = performance.now() - startMs;
    return { status, body: parse(text), headers: response.headers, ms, hadToken: token !== undefined };
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
      throw new LivespanError('timeout', `no answer within ${TIMEOUT_MS} ms`, { cause: thrown });
    }
    throw new LivespanError('log_unavailable', reason(thrown), { cause: thrown });
  }
}

/** The answer's body as an object. @throws LivespanError where it is a problem, or none of ours */
export function bodyOf({ status, body, hadToken }: Answer): Record<string, unknown> {
  const record = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  if (status === 200 && body === record) return record;
  if (status === 401) throw new LivespanError('unauthenticated', tokenSentence(hadToken));
  const detail = typeof record.detail === 'string' ? record.detail : 'this is not a livespan server';
  throw new LivespanError('invalid_request', `status ${status}: ${detail}`);
}

/** Why a server lets nobody in, for whoever gave the token or forgot it. */
export function tokenSentence(hadToken: boolean): string {
  return hadToken
    ? 'the server does not take this token; --token or LIVESPAN_TOKEN has to be the one it was started with'
    : 'the server asks for a token: --token or LIVESPAN_TOKEN';
}

/** @throws LivespanError `invalid_option`, without the URL */
export function refuseCredentials(url: string): void {
  if (!/^https?:/i.test(url) || !URL.canParse(url) || !hasCredentials(url)) return;
  throw new LivespanError(
    'invalid_option',
    'url: a livespan server takes no user and password but a token (--token or LIVESPAN_TOKEN)',
    { details: { option: 'url' } },
  );
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
  // Node's fetch keeps the list of ports that browsers do not ask (WHATWG Fetch, "port blocking").
  if (cause instanceof Error && cause.message === 'bad port')
    return 'browsers and fetch refuse that port; take another';
  return code ?? toLivespanError(cause ?? thrown).message;
}
