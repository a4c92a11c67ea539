const WINDOW_MS = 200;
const DELAY_MAX_MS = 50;

/** Frames a second (readers × rate) from which on flushes wait, and how long: one write a reader carries all that came meanwhile. */
const STEPS: readonly { framesPerSecond: number; delayMs: number }[] = [
  { framesPerSecond: 2_000_000, delayMs: DELAY_MAX_MS },
  { framesPerSecond: 100_000, delayMs: 25 },
  { framesPerSecond: 20_000, delayMs: 10 },
];

/**
 * When to flush. What a flush costs is a system call a reader, however many frames it carries; so the busier the fan-out,
 * the longer it gathers. Pure: the clock comes from outside.
 */
export class FlushPace {
  #framesPerSecond = 0;
  #windowFrames = 0;
  #windowStartMs: number;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #lastCostMs = 0;

  constructor(nowMs: number) {
    this.#windowStartMs = nowMs;
  }

  get framesPerSecond(): number {
    return this.#framesPerSecond;
  }

  /** Milliseconds to wait from now on; 0 is at once. */
  delayMs(nowMs: number): number {
    this.#roll(nowMs);
    const step = STEPS.find(({ framesPerSecond }) => this.#framesPerSecond >= framesPerSecond);
    // Never more than half of the time in flushes: what comes in must get its turn too.
    const wanted = Math.min(DELAY_MAX_MS, Math.max(step?.delayMs ?? 0, this.#lastCostMs));
    return Math.max(0, this.#lastFlushMs + wanted - nowMs);
  }

  /** A flush that began at `startMs` and ended at `endMs` gave `frames` (frames × readers). */
  flushed(frames: number, startMs: number, endMs: number): void {
    this.#windowFrames += frames;
    this.#lastFlushMs = endMs;
    this.#lastCostMs = endMs - startMs < 1 ? 0 : endMs - startMs;
    this.#roll(endMs);
  }

  #roll(nowMs: number): void {
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < WINDOW_MS) return;
    const rate = (this.#windowFrames * 1_000) / elapsedMs;
    // Rises at once, falls by halves: a short pause in a busy stream must not bring single-frame writes back.
    this.#framesPerSecond = Math.max(rate, elapsedMs > 5 * WINDOW_MS ? 0 : this.#framesPerSecond / 2);
    this.#windowFrames = 0;
    this.#windowStartMs = nowMs;
  }
}
