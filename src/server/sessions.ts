import { randomBytes } from 'node:crypto';

/** Signed-in browsers. The cookie holds a random id and nothing else; what it stands for stays here and runs out. */
export interface Sessions {
  /** Name of the cookie: with the port, because a browser shares cookies between the ports of one host. */
  cookieName(): string;
  /** A new session; returns its id. */
  open(): string;
  holds(id: string): boolean;
  end(id: string): void;
  /** Calls `onEnd` once, when the session is ended or runs out. Returns what takes that back. */
  watch(id: string, onEnd: () => void): () => void;
  readonly size: number;
}

const SESSION_LIFE_MS = 12 * 3_600_000;
const SESSIONS_MAX = 1_000;

export function createSessions(options: { port: () => number; now?: () => number }): Sessions {
  const now = options.now ?? Date.now;
  /** Id → end of its life; in the order of opening, which is the order in which they run out. */
  const ends = new Map<string, number>();

  const watchers = new Map<string, Set<() => void>>();

  function forget(id: string): void {
    ends.delete(id);
    for (const onEnd of watchers.get(id) ?? []) onEnd();
    watchers.delete(id);
  }

  function forgetOld(): void {
    for (const [id, end] of ends) {
      if (end > now() && ends.size < SESSIONS_MAX) return;
      forget(id);
    }
  }

  return {
    cookieName: () => `livespan_session_${options.port()}`,
    open() {
      forgetOld();
      const id = randomBytes(32).toString('base64url');
      ends.set(id, now() + SESSION_LIFE_MS);
      return id;
    },
    holds(id) {
      const end = ends.get(id);
      return end !== undefined && end > now();
    },
    end: forget,
    watch(id, onEnd) {
      const listeners = watchers.get(id) ?? new Set();
      watchers.set(id, listeners.add(onEnd));
      const timer = setTimeout(() => forget(id), Math.max(0, (ends.get(id) ?? 0) - now())).unref();
      return () => {
        clearTimeout(timer);
        listeners.delete(onEnd);
        if (listeners.size === 0) watchers.delete(id);
      };
    },
    get size() {
      return ends.size;
    },
  };
}

/** One cookie out of a `Cookie` header. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

/** The `Set-Cookie` that signs in (`id`) or out (no `id`). `secure` where the browser came by https. */
export function sessionCookie(name: string, id: string | undefined, secure: boolean): string {
  const life = id === undefined ? 0 : SESSION_LIFE_MS / 1_000;
  return `${name}=${id ?? ''}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}
