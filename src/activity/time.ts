/** Microseconds since the Unix epoch are whole numbers here, exact up to 2^53 (the year 2255). */
const TIME_US_MAX = Number.MAX_SAFE_INTEGER;
const SECOND_US = 1_000_000;

/** `000` to `999`, and the same at the end of a time. */
const THOUSAND = Array.from({ length: 1_000 }, (_, value) => String(value).padStart(3, '0'));
const LAST_THOUSAND = THOUSAND.map((digits) => `${digits}Z`);

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
  const rest = whole - second * SECOND_US;
  const ms = Math.floor(rest / 1_000);
  const digits = `${THOUSAND[ms] as string}${LAST_THOUSAND[rest - ms * 1_000] as string}`;
  return cachedPrefix + digits;
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
