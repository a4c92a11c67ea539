import type { Activity } from '../activity/activity.ts';
import { comparePositions, type Position } from '../activity/cursor.ts';

/**
 * One step of the live feed. Control messages are slots too, so every reader that crosses one is told.
 * `position` is the place of the slot in the log, `cursor` the same as text: what a reader resumes with after this slot.
 */
export type RingSlot =
  | {
      type: 'activity';
      position: Position;
      cursor: string;
      /** The activity's JSON with `"cursor":"…"` as its first member. */
      json: string;
      /** The same, decoded once for all readers: treat it as frozen. */
      activity: Activity;
      /** Memory it takes, estimated, in bytes. */
      bytes: number;
    }
  /** `missed` log entries are gone between the slot before and the slot after. */
  | { type: 'gap'; position: Position; cursor: string; missed: number }
  /** What follows is of another log (or of another history of this one) than what came before. */
  | { type: 'reset'; position: Position; cursor: string };

/** Slots numbered by an ever-growing sequence. A reader is a sequence number: it holds nothing and is owed nothing. */
export interface Ring {
  /** Oldest sequence held. */
  readonly tail: number;
  /** Sequence of the next slot. */
  readonly head: number;
  /** Memory held, estimated, in bytes. */
  readonly bytes: number;
  at(sequence: number): RingSlot | undefined;
}

/** Where a position is, seen from the ring. */
export type Located =
  /** Sequence of the first slot after the position. */
  | { at: number }
  /** The ring does not reach back that far; it goes on directly after `base` (absent: the ring knows nothing yet). */
  | { older: true; base: Position | undefined }
  /** Beyond the newest slot: written a moment ago, or never. Only the log knows. */
  | { ahead: true }
  /** Not of this log. */
  | { reset: true };

/** The ring with its writing side; the live feed alone has it. */
export interface WritableRing extends Ring {
  /** Appends one slot, and drops the oldest ones while a limit is passed (the newest slot always stays). */
  append(slot: RingSlot): void;
  /** Says that the ring, still empty, goes on directly after this position. */
  startAfter(base: Position): void;
  /** Position of the newest slot, or the one that the ring starts after. */
  newest(): Position | undefined;
  /** Position directly before the slot of that sequence, which is in the ring or the next one. */
  before(sequence: number): Position | undefined;
  /** @param exact the position is one of the log's own and must be there; else it is a point in time, which never fails */
  locate(position: Position, exact: boolean): Located;
}

const CONTROL_SLOT_BYTES = 128;
const CAPACITY_MIN = 64;

/**
 * A circular array that doubles up to its limit: append and drop are O(1), `locate` is O(log n). Positions grow strictly
 * from one reset slot to the next, so a search never crosses one.
 */
export function createRing(limits: { countMax: number; bytesMax: number }): WritableRing {
  return new SlotRing(limits.countMax, limits.bytesMax);
}

class SlotRing implements WritableRing {
  readonly #countMax: number;
  readonly #bytesMax: number;
  #slots: (RingSlot | undefined)[] = new Array(CAPACITY_MIN);
  #mask = CAPACITY_MIN - 1;
  #bytes = 0;
  /** Position directly before the tail. */
  #base: Position | undefined;
  /** Sequence of the newest reset slot; what lies before it is of another history. */
  #segment = 0;
  tail = 0;
  head = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  at(sequence: number): RingSlot | undefined {
    return sequence >= this.tail && sequence < this.head ? this.#slots[sequence & this.#mask] : undefined;
  }

  append(slot: RingSlot): void {
    if (this.head - this.tail > this.#mask) this.#grow();
    if (slot.type === 'reset') this.#segment = this.head;
    this.#slots[this.head & this.#mask] = slot;
    this.head += 1;
    this.#bytes += bytesOf(slot);
    while (this.head - this.tail > 1 && (this.head - this.tail > this.#countMax || this.#bytes > this.#bytesMax)) {
      this.#dropOldest();
    }
  }

  startAfter(base: Position): void {
    this.#base = base;
  }

  newest(): Position | undefined {
    return this.at(this.head - 1)?.position ?? this.#base;
  }

  before(sequence: number): Position | undefined {
    return this.at(sequence - 1)?.position ?? this.#base;
  }

  locate(position: Position, exact: boolean): Located {
    const newest = this.newest();
    const start = Math.max(this.tail, this.#segment);
    const base = this.at(start)?.type === 'reset' ? this.at(start)?.position : this.before(start);
    if (newest === undefined || base === undefined || comparePositions(position, base) < 0)
      return { older: true, base };
    if (comparePositions(position, newest) > 0) return exact ? { ahead: true } : { at: this.head };
    const next = this.#firstAfter(position, start);
    return exact ? this.#locateExact(position, next, base) : { at: this.#firstActivity(next) };
  }

  #locateExact(position: Position, next: number, base: Position): Located {
    const last = this.before(next);
    if (last !== undefined && comparePositions(position, last) === 0) return { at: next };
    const slot = this.at(next);
    // Inside a hole: the log knows how much of the hole lies after this position.
    if (slot?.type === 'gap') return { older: true, base };
    // The cursor of a control frame: just before an entry, whether or not anything was there.
    if (slot !== undefined && slot.position.ms === position.ms && slot.position.n === position.n + 1)
      return { at: next };
    return { reset: true };
  }

  /** First sequence from `low` on whose position is greater. */
  #firstAfter(position: Position, start: number): number {
    let low = start;
    let high = this.head;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const slot = this.at(middle);
      if (slot !== undefined && comparePositions(slot.position, position) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** A point in time owes nothing, so control slots that lie directly after it are not told. */
  #firstActivity(sequence: number): number {
    let next = sequence;
    while (next < this.head && this.at(next)?.type !== 'activity') next += 1;
    return next;
  }

  #dropOldest(): void {
    const index = this.tail & this.#mask;
    const slot = this.#slots[index];
    this.#slots[index] = undefined;
    this.tail += 1;
    if (slot === undefined) return;
    this.#bytes -= bytesOf(slot);
    this.#base = slot.position;
  }

  #grow(): void {
    const mask = this.#mask * 2 + 1;
    const slots: (RingSlot | undefined)[] = new Array(mask + 1);
    for (let sequence = this.tail; sequence < this.head; sequence++) {
      slots[sequence & mask] = this.#slots[sequence & this.#mask];
    }
    this.#slots = slots;
    this.#mask = mask;
  }
}

function bytesOf(slot: RingSlot): number {
  return slot.type === 'activity' ? slot.bytes : CONTROL_SLOT_BYTES;
}
