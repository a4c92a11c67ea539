import type { LatencyHistogram, RateFigures } from './model.ts';

/** Seconds that are held: a minute to show and some for what arrives late. */
const SECONDS = 90;
const SHOWN = 60;
/** Upper ends of the latency classes, ms; what takes exactly that long belongs to the next class. */
const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000] as const;

interface Slot {
  second: number;
  activities: number;
  errors: number;
  ended: number;
  failed: number;
  durations: Uint32Array;
  longestMs: number;
}

/** What happened in each of the last seconds, by the time the activities carry. */
export class RateMeter {
  readonly #slots: Slot[] = [];
  #newestSecond = 0;

  add(timeMs: number, isError: boolean): void {
    const slot = this.#slot(timeMs);
    if (slot === undefined) return;
    slot.activities += 1;
    if (isError) slot.errors += 1;
  }

  addEnded(timeMs: number, isError: boolean, durationMs: number | undefined): void {
    const slot = this.#slot(timeMs);
    if (slot === undefined) return;
    slot.ended += 1;
    if (isError) slot.failed += 1;
    if (durationMs === undefined) return;
    const index = classOf(durationMs);
    slot.durations[index] = (slot.durations[index] ?? 0) + 1;
    slot.longestMs = Math.max(slot.longestMs, durationMs);
  }

  figures(nowMs: number): RateFigures {
    const to = Math.floor(nowMs / 1_000);
    const shown = this.#last(to, SHOWN);
    const { ended, failed } = this.minute(nowMs);
    return {
      perSecond: shown.map((slot) => slot?.activities ?? 0),
      errorsPerSecond: shown.map((slot) => slot?.errors ?? 0),
      fromMs: (to - SHOWN) * 1_000,
      rate: sum(shown.slice(-5), (slot) => slot.activities) / 5,
      errorShare: ended === 0 ? undefined : failed / ended,
      p95Ms: quantile(this.histogram(nowMs), 0.95),
    };
  }

  /** Ended and failed spans of the last minute with the second under way; activities a second over the last 10 whole ones. */
  minute(nowMs: number): { ended: number; failed: number; rate: number } {
    const second = Math.floor(nowMs / 1_000);
    const shown = this.#last(second + 1, SHOWN);
    return {
      ended: sum(shown, (slot) => slot.ended),
      failed: sum(shown, (slot) => slot.failed),
      rate: sum(this.#last(second, 10), (slot) => slot.activities) / 10,
    };
  }

  histogram(nowMs: number): LatencyHistogram {
    const counts = new Array<number>(BOUNDS.length + 1).fill(0);
    let longestMs = 0;
    // The second under way counts here: a first span should show at once.
    for (const slot of this.#last(Math.floor(nowMs / 1_000) + 1, SHOWN)) {
      longestMs = Math.max(longestMs, slot?.longestMs ?? 0);
      slot?.durations.forEach((count, index) => {
        counts[index] = (counts[index] ?? 0) + count;
      });
    }
    return { bounds: BOUNDS, counts, longestMs };
  }

  clear(): void {
    this.#slots.length = 0;
    this.#newestSecond = 0;
  }

  /** The `count` whole seconds before `to`; `undefined` where nothing is known. */
  #last(to: number, count: number): (Slot | undefined)[] {
    return Array.from({ length: count }, (_, index) => {
      const second = to - count + index;
      const slot = this.#slots[((second % SECONDS) + SECONDS) % SECONDS];
      return slot?.second === second ? slot : undefined;
    });
  }

  #slot(timeMs: number): Slot | undefined {
    const second = Math.floor(timeMs / 1_000);
    if (second <= this.#newestSecond - SECONDS || second < 0) return undefined;
    this.#newestSecond = Math.max(this.#newestSecond, second);
    const index = second % SECONDS;
    let slot = this.#slots[index];
    if (slot === undefined || slot.second < second) {
      slot = newSlot(second);
      this.#slots[index] = slot;
    }
    return slot.second === second ? slot : undefined;
  }
}

function newSlot(second: number): Slot {
  const durations = new Uint32Array(BOUNDS.length + 1);
  return { second, activities: 0, errors: 0, ended: 0, failed: 0, durations, longestMs: 0 };
}

function classOf(durationMs: number): number {
  const index = BOUNDS.findIndex((bound) => durationMs < bound);
  return index < 0 ? BOUNDS.length : index;
}

function sum(slots: readonly (Slot | undefined)[], read: (slot: Slot) => number): number {
  return slots.reduce((total, slot) => total + (slot === undefined ? 0 : read(slot)), 0);
}

/** ms, linear within its class, which ends at the longest there is; `undefined` without any. */
export function quantile({ bounds, counts, longestMs }: LatencyHistogram, q: number): number | undefined {
  const total = counts.reduce((all, count) => all + count, 0);
  if (total === 0) return undefined;
  let left = q * total;
  for (const [index, count] of counts.entries()) {
    if (left <= count && count > 0) {
      const low = index === 0 ? 0 : (bounds[index - 1] ?? 0);
      return low + (Math.min(bounds[index] ?? longestMs, longestMs) - low) * (left / count);
    }
    left -= count;
  }
  return longestMs;
}
