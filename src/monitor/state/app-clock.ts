import { parseCursor } from '../../activity/cursor.ts';

const WINDOW_MS = 60_000;

/**
 * Whose clock a running span is counted by: its start was read from the clock of an application, so the clock of this page
 * has to be set by it. Page to log is measured at `GET /stats`; log to application is the least delay seen between the
 * start of a span and its place in the log, newer ones outweighing older ones.
 */
export class AppClock {
  #logOffsetMs = 0;
  #leastMs: number | undefined;
  #nextLeastMs: number | undefined;
  #windowEndMs = 0;

  setLogOffset(offsetMs: number): void {
    this.#logOffsetMs = offsetMs;
  }

  /** A `span.start` of that time at that place. */
  see(cursor: string, timeMs: number): void {
    const position = parseCursor(cursor);
    if (position === undefined) return;
    const delayMs = position.ms - timeMs;
    if (position.ms > this.#windowEndMs) {
      this.#leastMs = this.#nextLeastMs ?? delayMs;
      this.#nextLeastMs = undefined;
      this.#windowEndMs = position.ms + WINDOW_MS;
    }
    this.#nextLeastMs = Math.min(this.#nextLeastMs ?? delayMs, delayMs);
    this.#leastMs = Math.min(this.#leastMs ?? delayMs, delayMs);
  }

  /** A time of the log by the clock of the applications. */
  ofLog(ms: number): number {
    return ms - (this.#leastMs ?? 0);
  }

  offsetMs(): number {
    return this.#logOffsetMs + (this.#leastMs ?? 0);
  }
}
