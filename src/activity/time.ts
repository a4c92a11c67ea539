/** Microseconds since the Unix epoch are whole numbers here, exact up to 2^53 (the year 2255). */
const TIME_US_MAX = Number.MAX_SAFE_INTEGER;
const SECOND_US = 1_000_000;

let cachedSecond = -1;
let cachedPrefix = '';

/**
 * `2026-11-21T00:22:37.123456Z`. Activities of one flush share their second, so its text is kept: this runs once an
 * activity. What is out of range is clamped, because a bad clock must not throw on the flush path.
 */
export function formatTimeUs(us: number): string {
  const whole = us >= 0 ? Math.min(Math.trunc(us), TIME_US_MAX) : 0;
  const second = Math.floor(whole / SECOND_US);
  if (second !== cachedSecond) {
    cachedPrefix = new Date(second * 1_000).toISOString().slice(0, 20);
    cachedSecond = second;
  }
  return `${cachedPrefix}${String(SECOND_US + (whole - second * SECOND_US)).slice(1)}Z`;
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/;

let parsedPrefix = '';
let parsedSecond = Number.NaN;

/** Reads exactly what `formatTimeUs` writes (UTC, 6 decimals, a date that exists, 1970 to 2255); else `undefined`. */
export function parseTimeUs(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const prefix = match[1] ?? '';
  if (prefix !== parsedPrefix) {
    const ms = Date.parse(`${prefix}Z`);
    // Date.parse takes February 30 for March 2: only what comes back unchanged is a date.
    const exists = Number.isFinite(ms) && new Date(ms).toISOString().startsWith(prefix);
    parsedSecond = exists ? ms / 1_000 : Number.NaN;
    parsedPrefix = prefix;
  }
  const us = parsedSecond * SECOND_US + Number(match[2]);
  return us >= 0 && us <= TIME_US_MAX ? us : undefined;
}
