import { BEGINNING, type Position, parseCursor } from '../../../src/activity/cursor.ts';
import type { Attached } from '../../../src/feed/handover.ts';
import type { LiveFeed } from '../../../src/feed/live-feed.ts';
import type { RingSlot } from '../../../src/feed/ring.ts';
import type { SimulatedLog } from './simulated-log.ts';

/**
 * A reader as the server's and the library's are: replays until attached, then goes slot by slot, and replays again when
 * it fell out of the ring. It checks every slot against what the log really did.
 */
export class SimulatedReader {
  readonly #feed: LiveFeed;
  readonly #log: SimulatedLog;
  #from: Position;
  #pages: AsyncGenerator<RingSlot[], Attached> | undefined;
  #place: Attached | undefined;
  #abort = new AbortController();
  #busy = false;
  /** Entry (by its index in `written`) delivered last. */
  #last: number | undefined;
  #missed = 0;
  #toldSince = false;
  readonly delivered = new Set<number>();
  /** First violation of the law, as a sentence. */
  problem: string | undefined;

  constructor(feed: LiveFeed, log: SimulatedLog, from: Position = BEGINNING) {
    this.#feed = feed;
    this.#log = log;
    this.#from = from;
  }

  get idle(): boolean {
    return this.#place !== undefined && this.#place.sequence === this.#feed.ring.head;
  }

  /** Takes what can be had now: at most one page, or what the ring has. */
  pull(): void {
    const place = this.#place;
    if (place !== undefined) {
      if (place.sequence >= this.#feed.ring.tail) {
        this.#readRing(place);
        return;
      }
      this.#from = place.position;
      this.#place = undefined;
    }
    if (this.#busy) return;
    this.#busy = true;
    this.#pages ??= this.#feed.replay(this.#from, this.#abort.signal);
    const signal = this.#abort.signal;
    this.#pages.next().then(
      (step) => {
        if (signal.aborted) return;
        this.#busy = false;
        if (step.done) {
          this.#pages = undefined;
          this.#place = step.value;
          this.#from = step.value.position;
        } else {
          for (const slot of step.value) this.#take(slot);
        }
      },
      (error: unknown) => {
        if (!signal.aborted) this.problem ??= `replay failed: ${String(error)}`;
      },
    );
  }

  /** The connection is cut; it comes back with its last cursor. */
  resume(): void {
    if (this.#place !== undefined) this.#from = this.#place.position;
    this.#abort.abort(new Error('cut'));
    this.#abort = new AbortController();
    this.#pages = undefined;
    this.#place = undefined;
    this.#busy = false;
  }

  close(): void {
    this.#abort.abort(new Error('done'));
  }

  #readRing(place: Attached): void {
    let { sequence } = place;
    for (let slot = this.#feed.ring.at(sequence); slot !== undefined; slot = this.#feed.ring.at(sequence)) {
      this.#take(slot);
      sequence += 1;
      this.#place = { sequence, position: slot.position };
    }
  }

  #take(slot: RingSlot): void {
    this.#from = parseCursor(slot.cursor) ?? this.#from;
    if (slot.type === 'gap') {
      this.#missed += slot.missed;
    } else if (slot.type === 'reset') {
      this.#missed = 0;
      this.#toldSince = true;
    } else {
      this.#check(Number(slot.activity.attributes.index), slot);
    }
  }

  #check(index: number, slot: RingSlot): void {
    const entry = this.#log.written[index];
    const last = this.#last === undefined ? undefined : this.#log.written[this.#last];
    if (entry === undefined || entry.position.n !== slot.position.n || entry.position.ms !== slot.position.ms) {
      this.problem ??= `entry ${index} was delivered at ${slot.cursor}, where it never was`;
      return;
    }
    if (this.#last !== undefined && index <= this.#last) {
      this.problem ??= `entry ${index} came after entry ${this.#last}`;
    }
    if (last !== undefined && last.epoch !== entry.epoch && !this.#toldSince) {
      this.problem ??= `entry ${index} is of another log than entry ${this.#last}, and no reset was told`;
    }
    if (last !== undefined && last.epoch === entry.epoch && !this.#toldSince) {
      const lost = entry.position.n - last.position.n - 1;
      if (lost !== this.#missed) {
        this.problem ??= `${lost} entries were lost before ${index}, ${this.#missed} were told`;
      }
    }
    for (let between = (this.#last ?? index - 1) + 1; between < index; between++) {
      const skipped = this.#log.written[between];
      if (this.#log.retained.some((one) => one.position === skipped?.position)) {
        this.problem ??= `entry ${between} is in the log and was left out before ${index}`;
      }
    }
    this.delivered.add(index);
    this.#last = index;
    this.#missed = 0;
    this.#toldSince = false;
  }

  /** When everything has come to rest. */
  checkEnd(): string | undefined {
    const { retained, written, last, epoch } = this.#log;
    for (const entry of retained) {
      const index = written.findIndex((one) => one.position === entry.position);
      if (index >= 0 && !this.delivered.has(index))
        this.problem ??= `entry ${index} is in the log and was never delivered`;
    }
    const seen = this.#last === undefined ? undefined : written[this.#last];
    if (seen !== undefined && seen.epoch !== epoch && !this.#toldSince) {
      this.problem ??= 'the log was recreated and no reset was told';
    }
    if (seen !== undefined && seen.epoch === epoch && last.n - seen.position.n !== this.#missed && !this.#toldSince) {
      this.problem ??= `${last.n - seen.position.n} entries were lost at the end, ${this.#missed} were told`;
    }
    return this.problem;
  }
}
