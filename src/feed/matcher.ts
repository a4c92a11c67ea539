import type { Activity } from '../activity/activity.ts';
import { compileFilter, type Filter } from '../activity/filter.ts';
import type { Ring, RingSlot } from './ring.ts';

const UNKNOWN = 0;
const SHOWN = 1;
const HIDDEN = 2;

/**
 * One distinct filter over the ring. Asked any number of times about a slot, by any number of lanes and readers, it
 * evaluates the filter once: verdicts are kept a byte a sequence, as far back as the ring reaches.
 */
export class Matcher {
  readonly text: string;
  /** Lanes that use it. */
  users = 0;
  evaluations = 0;
  readonly #shows: ((activity: Activity) => boolean) | undefined;
  #verdicts = new Uint8Array(1_024);
  /** First sequence that has not been seen yet: its byte may still hold the verdict of one that left the ring. */
  #seenTo = 0;

  /** @param filter absent: everything passes, and nothing is evaluated */
  constructor(text: string, filter: Filter | undefined) {
    this.text = text;
    this.#shows = filter === undefined ? undefined : compileFilter(filter);
  }

  /** Whether the slot at `sequence` of the ring is shown. Control slots pass every filter. */
  showsAt(ring: Ring, sequence: number, slot: RingSlot): boolean {
    if (slot.type !== 'activity' || this.#shows === undefined) return true;
    if (sequence >= this.#seenTo) this.#extend(ring, sequence);
    const index = sequence & (this.#verdicts.length - 1);
    if (this.#verdicts[index] === UNKNOWN) this.#verdicts[index] = this.shows(slot) ? SHOWN : HIDDEN;
    return this.#verdicts[index] === SHOWN;
  }

  /** For slots outside the ring (pages of the log). */
  shows(slot: RingSlot): boolean {
    if (slot.type !== 'activity' || this.#shows === undefined) return true;
    this.evaluations += 1;
    return this.#shows(slot.activity);
  }

  #extend(ring: Ring, sequence: number): void {
    const seenTo = Math.max(this.#seenTo, ring.tail);
    let size = this.#verdicts.length;
    while (size < sequence + 1 - ring.tail) size *= 2;
    if (size !== this.#verdicts.length) {
      const grown = new Uint8Array(size);
      const from = Math.max(ring.tail, this.#seenTo - this.#verdicts.length);
      for (let at = from; at < this.#seenTo; at += 1) {
        grown[at & (size - 1)] = this.#verdicts[at & (this.#verdicts.length - 1)] ?? UNKNOWN;
      }
      this.#verdicts = grown;
    }
    for (let at = seenTo; at <= sequence; at += 1) this.#verdicts[at & (size - 1)] = UNKNOWN;
    this.#seenTo = sequence + 1;
  }
}
