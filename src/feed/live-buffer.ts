import { comparePositions, type Position } from '../activity/cursor.ts';
import type { BusEntry } from '../bus/bus.ts';

const COUNT_MAX = 8_192;
const BYTES_MAX = 8 * 1_048_576;

/** Live entries that arrive while the log is being read. Bounded: what does not fit is read from the log instead. */
export class LiveBuffer {
  #entries: BusEntry[] = [];
  #bytes = 0;
  /** Entries were let go since the last `take`, so the log has to be read once more. */
  overflowed = false;

  push(entry: BusEntry): void {
    if (this.#entries.length >= COUNT_MAX || this.#bytes >= BYTES_MAX) {
      this.#entries = [];
      this.#bytes = 0;
      this.overflowed = true;
    }
    this.#entries.push(entry);
    this.#bytes += 2 * entry.json.length;
  }

  take(): BusEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#bytes = 0;
    this.overflowed = false;
    return entries;
  }
}

/** How many of these entries, all received before that look at the log, claim to stand beyond its end. */
export function countUntrusted(entries: readonly BusEntry[], end: Position): number {
  return entries.filter((entry) => comparePositions(entry.position, end) > 0).length;
}
