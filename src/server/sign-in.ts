import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LivespanError } from '../errors.ts';
import { createAttemptLimit } from './attempt-limit.ts';
import type { Auth } from './auth.ts';
import { takesBodies } from './media-type.ts';
import { SIGN_IN_STYLE, signInHtml } from './page/sign-in-page.ts';
import { readCookie, type Sessions, sessionCookie } from './sessions.ts';

const ATTEMPTS = { perAddressMax: 10, totalMax: 200, windowMs: 60_000 };
const BODY_BYTES_MAX = 4_096;

const styleHash = createHash('sha256').update(SIGN_IN_STYLE).digest('base64');
/** The page carries its own style, because every further route is behind the token. */
const PAGE_HEADERS = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  // Under `no-referrer` a browser sends the form with `Origin: null`, which cannot be told from a foreign page.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
  'content-type': 'text/html; charset=utf-8',
};

/** The page that asks for the token. */
export function sendSignInPage(reply: FastifyReply, status: number, message = ''): FastifyReply {
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="livespan"');
  return reply.code(status).headers(PAGE_HEADERS).send(signInHtml(message));
}

/** `POST /sign-in` (form field `token`) sets the session cookie, `POST /sign-out` ends the session. */
export function addSignIn(app: FastifyInstance, auth: Auth, sessions: Sessions): void {
  const limit = createAttemptLimit(ATTEMPTS);
  const takesForm = takesBodies(['application/x-www-form-urlencoded']);

  app.post('/sign-in', { onRequest: takesForm, bodyLimit: BODY_BYTES_MAX }, async (request, reply) => {
    const address = request.socket.remoteAddress ?? '';
    if (!limit.allows(address)) {
      throw new LivespanError('too_many_requests', 'Too many failed sign-ins; wait a minute');
    }
    const token = new URLSearchParams(String(request.body)).get('token') ?? '';
    if (!auth.required) return reply.redirect('/', 303);
    if (!auth.isToken(token.trim())) {
      limit.fail(address);
      return sendSignInPage(reply, 401, 'That is not the token.');
    }
    return setSession(request, reply, sessions.open()).redirect(askedFor(request.headers.referer), 303);
  });

  app.post('/sign-out', { onRequest: takesForm, bodyLimit: BODY_BYTES_MAX }, async (request, reply) => {
    const id = readCookie(request.headers.cookie, sessions.cookieName());
    if (id !== undefined) sessions.end(id);
    return setSession(request, reply, undefined).redirect('/', 303);
  });

  function setSession(request: FastifyRequest, reply: FastifyReply, id: string | undefined): FastifyReply {
    const secure = request.headers.origin?.startsWith('https:') ?? false;
    return reply
      .header('set-cookie', sessionCookie(sessions.cookieName(), id, secure))
      .header('cache-control', 'no-store');
  }
}

/** The address in the monitor that was asked for when the sign-in page came instead; else the start. Never another host's. */
function askedFor(referer: string | undefined): string {
  if (referer === undefined || !URL.canParse(referer)) return '/';
  const { pathname, search } = new URL(referer);
  return /^\/monitor(\/|$)/.test(pathname) ? pathname + search : '/';
}
