/**
 * Wall time with the resolution of the monotonic clock: a `Date.now()` anchor plus the `performance.now()` delta. One
 * read a call; the activity and its span event carry the same instant.
 */
const DRIFT_US_MAX = 1_000;

let anchorUs = readAnchorUs();

function readAnchorUs(): number {
  return (Date.now() - performance.now()) * 1_000;
}

/** Microseconds since the Unix epoch, a whole number. */
export function nowUs(): number {
  return Math.floor(anchorUs + performance.now() * 1_000);
}

/** Follows a wall clock that was set or drifted by more than 1 ms. Called at flushes, off the caller's path. */
export function reanchor(): void {
  const freshUs = readAnchorUs();
  if (Math.abs(freshUs - anchorUs) > DRIFT_US_MAX) anchorUs = freshUs;
}

/** The same instant for OpenTelemetry: `[seconds, nanoseconds]`; a `Date` would lose the microseconds. */
export function toHrTime(us: number): [number, number] {
  const seconds = Math.floor(us / 1_000_000);
  return [seconds, (us - seconds * 1_000_000) * 1_000];
}

/** The first whole microsecond that is not before `time`. */
export function fromHrTime(time: readonly [number, number]): number {
  return time[0] * 1_000_000 + Math.ceil(time[1] / 1_000);
}
