import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LivespanError } from '../errors.ts';
import { readCookie, type Sessions } from './sessions.ts';

/** Whether a request may see what is behind the token. Without a token everything is open (then we listen on loopback only). */
export interface Auth {
  readonly required: boolean;
  /** Compares in constant time. */
  isToken(text: string): boolean;
  /** Bearer token or session cookie. */
  allows(request: IncomingMessage): boolean;
  /** @throws LivespanError `unauthenticated` */
  check(request: IncomingMessage): void;
}

export function createAuth(token: string | undefined, sessions: Sessions): Auth {
  // Digests are of one length, so that neither the length nor a common beginning shows in the time it takes.
  const wanted = token === undefined ? undefined : digest(token);
  const auth: Auth = {
    required: wanted !== undefined,
    isToken: (text) => wanted !== undefined && timingSafeEqual(digest(text), wanted),
    allows(request) {
      if (wanted === undefined) return true;
      const bearer = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
      if (bearer !== undefined) return auth.isToken(bearer);
      const session = readCookie(request.headers.cookie, sessions.cookieName());
      return session !== undefined && sessions.holds(session);
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
