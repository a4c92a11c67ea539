import type { PendingRecord } from './pending-activity.ts';

/**
 * Heap an activity takes, by the size of its JSON: objects and fresh short texts cost about twice what they are written
 * as. Measured; a test holds the ring to its bound in real heap.
 */
const HEAP_BYTES_A_JSON_BYTE = 2;
const SLOTS_FIRST = 256;

export interface RingBounds {
  countMax: number;
  bytesMax: number;
}

/** Oldest first, bounded by count and by estimated heap. What is in flight (`held`) counts against the same bounds. */
export class PendingRing {
  heldCount = 0;
  heldBytes = 0;
  readonly #bounds: RingBounds;
  #slots: (PendingRecord | undefined)[] = new Array<undefined>(SLOTS_FIRST).fill(undefined);
  #head = 0;
  #count = 0;
  #bytes = 0;
  #pushed = 0;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  /** Sequence of the oldest entry: 0 for the first ever pushed. */
  get firstSequence(): number {
    return this.#pushed - this.#count;
  }

  /** Sequence that the next entry gets. */
  get nextSequence(): number {
    return this.#pushed;
  }

  /** Takes it in and answers how many of the oldest had to go; where the new one alone is too much, it goes as well. */
  push(pending: PendingRecord): number {
    const cost = pending.sizeBytes * HEAP_BYTES_A_JSON_BYTE;
    const { countMax, bytesMax } = this.#bounds;
    if (this.#count === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#count) & (this.#slots.length - 1)] = pending;
    this.#count += 1;
    this.#pushed += 1;
    this.#bytes += cost;
    let dropped = 0;
    while (this.#count > 0 && (this.#bytes + this.heldBytes > bytesMax || this.#count + this.heldCount > countMax)) {
      this.shift();
      dropped += 1;
    }
    return dropped;
  }

  shift(): PendingRecord | undefined {
    if (this.#count === 0) return undefined;
    const pending = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#count -= 1;
    if (pending !== undefined) this.#bytes -= pending.sizeBytes * HEAP_BYTES_A_JSON_BYTE;
    return pending;
  }

  /** Forgets everything and answers how many there were. */
  clear(): number {
    const count = this.#count;
    this.#slots = new Array<undefined>(SLOTS_FIRST).fill(undefined);
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
    return count;
  }

  /** Slots are a power of two, so that an index is a mask away. */
  #grow(): void {
    const old = this.#slots;
    const slots = new Array<PendingRecord | undefined>(old.length * 2).fill(undefined);
    for (let index = 0; index < this.#count; index += 1) slots[index] = old[(this.#head + index) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
