import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LivespanError } from '../errors.ts';
import { readCookie, type Sessions } from './sessions.ts';

/** Whether a request may see what is behind the token. Without a token everything is open (then we listen on loopback only). */
export interface Auth {
  readonly required: boolean;
  /** Compares in constant time. */
  isToken(text: string): boolean;
  /** The same for an `Authorization` header: `Bearer …`. */
  allowsHeader(authorization: string | undefined): boolean;
  /** Bearer token or session cookie. */
  allows(request: IncomingMessage): boolean;
  /** The session that such a request stands on; `undefined` where it needs none. */
  sessionOf(request: IncomingMessage): string | undefined;
  /** @throws LivespanError `unauthenticated` */
  check(request: IncomingMessage): void;
}

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

export function createAuth(token: string | undefined, sessions: Sessions): Auth {
  // Digests are of one length, so that neither the length nor a common beginning shows in the time it takes.
  const wanted = token === undefined ? undefined : digest(token);
  const auth: Auth = {
    required: wanted !== undefined,
    isToken: (text) => wanted !== undefined && timingSafeEqual(digest(text), wanted),
    allowsHeader(authorization) {
      if (wanted === undefined) return true;
      const bearer = BEARER.exec(authorization ?? '')?.[1];
      return bearer !== undefined && auth.isToken(bearer);
    },
    allows(request) {
      if (auth.allowsHeader(request.headers.authorization)) return true;
      const session = readCookie(request.headers.cookie, sessions.cookieName());
      return session !== undefined && sessions.holds(session);
    },
    sessionOf(request) {
      if (auth.allowsHeader(request.headers.authorization)) return undefined;
      return readCookie(request.headers.cookie, sessions.cookieName());
    },
    check(request) {
      if (auth.allows(request)) return;
      throw new LivespanError(
        'unauthenticated',
        'This server asks for its token: Authorization: Bearer …, or sign in at /',
      );
    },
  };
  return auth;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
