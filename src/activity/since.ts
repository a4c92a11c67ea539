import { type Position, parseCursor } from './cursor.ts';

export type Since = { ok: true; position: Position } | { ok: false; message: string };

const DURATION = /^(\d{1,15})(ms|s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A date, or a date and a time with its offset from UTC: a time of an unknown zone is no point in time. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * Where to start reading: a duration back from `nowMs` (`5m`; units ms, s, m, h, d), an ISO 8601 time, or a cursor. The
 * first two give a time position.
 */
export function parseSince(text: string, nowMs: number): Since {
  const cursor = parseCursor(text);
  if (cursor !== undefined) return { ok: true, position: cursor };
  const duration = DURATION.exec(text);
  if (duration !== null) {
    const backMs = Number(duration[1]) * (UNIT_MS[duration[2] ?? ''] ?? 0);
    return { ok: true, position: { ms: Math.max(0, Math.floor(nowMs - backMs)), n: 0 } };
  }
  const ms = ISO_TIME.test(text) && dayExists(text) ? Date.parse(text) : Number.NaN;
  if (Number.isSafeInteger(ms) && ms >= 0) return { ok: true, position: { ms, n: 0 } };
  return {
    ok: false,
    message: 'expected a duration like 5m, a time like 2026-11-21T00:22:37Z, or a cursor like 1732147357123-42',
  };
}

/** Date.parse takes February 30 for March 2. */
function dayExists(text: string): boolean {
  const day = text.slice(0, 10);
  const ms = Date.parse(day);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(day);
}
