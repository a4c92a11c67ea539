/** Of the time, drawing takes at most this share; the rest is for input, for what arrives, and for other pages. */
const SHARE = 0.25;
/** What may be saved up, ms of drawing: what comes after a quiet moment shows at once. */
const CREDIT_MAX_MS = 25;
/** However long a drawing took, the next one comes 200 ms later. */
const DEBT_MAX_MS = 50;

/**
 * When the page may be drawn again. A few activities a second show in the next frame; hundreds would have the browser
 * lay out rows that nobody can read, so there the page is drawn as often as its cost allows on this machine.
 */
export class DrawPace {
  #creditMs = CREDIT_MAX_MS;
  #atMs = 0;

  /** @param nowMs ms of a clock that never goes back */
  isDue(nowMs: number): boolean {
    this.#creditMs = Math.min(CREDIT_MAX_MS, this.#creditMs + (nowMs - this.#atMs) * SHARE);
    this.#atMs = nowMs;
    return this.#creditMs > 0;
  }

  /** A drawing has taken so long, from applying what is new until it was painted. */
  drawn(tookMs: number): void {
    this.#creditMs = Math.max(-DEBT_MAX_MS, this.#creditMs - tookMs);
  }
}
