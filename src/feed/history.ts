import { beforeFirst, comparePositions, type Position, type Verdict } from '../activity/cursor.ts';
import type { BusEntry } from '../bus/bus.ts';
import type { RingSlot, WritableRing } from './ring.ts';
import { activitySlot, gapSlot, resetSlot } from './slots.ts';
import { judgeNext, later, missedBefore, passInvalid, type Track, trackAt, trackBefore } from './track.ts';
import { WakeUp } from './wake-up.ts';

/** What happened to entries, as counters that only grow. */
export interface HistoryCounters {
  repaired: number;
  duplicates: number;
  gaps: number;
  missed: number;
  resets: number;
  foreign: number;
  invalid: number;
}

/**
 * The ring and how far it has followed the log: decides about every entry, whichever way it came, and writes the control
 * slots. No I/O: who reads the log when is `live-feed.ts`.
 */
export class History {
  readonly ring: WritableRing;
  readonly counters: HistoryCounters = {
    repaired: 0,
    duplicates: 0,
    gaps: 0,
    missed: 0,
    resets: 0,
    foreign: 0,
    invalid: 0,
  };
  /** Log time at which the log was created; absent while nothing is known. */
  epoch: number | undefined;
  /** Log time of the first activity of this history; nothing older is in the ring since its newest reset. */
  since = Number.POSITIVE_INFINITY;
  /** Woken after slots were appended or another epoch is known, once a tick. */
  readonly appended = new WakeUp();
  #announcing = false;
  #track: Track | undefined;

  constructor(ring: WritableRing) {
    this.ring = ring;
  }

  get track(): Track | undefined {
    return this.#track;
  }

  /** The first look: what follows goes on directly after `base`. */
  begin(epoch: number, base: Position): void {
    this.epoch = epoch;
    this.#track = trackBefore(base);
    this.ring.startAfter(base);
    this.#announce();
  }

  /** The log, empty until now or recreated before anything of it was seen, has this epoch. */
  renew(epoch: number): void {
    this.epoch = epoch;
    if (this.#track?.position.n === 0) this.#track = trackBefore({ ms: epoch, n: 0 });
    this.#announce();
  }

  /** A live entry: takes it when it is the next one, else says why not. */
  offer(entry: BusEntry): Verdict['verdict'] {
    const track = this.#track;
    if (track === undefined) return 'ahead';
    const { verdict } = judgeNext(track, entry.position);
    if (verdict === 'duplicate') this.counters.duplicates += 1;
    if (verdict === 'follows') this.#take(track, entry);
    return verdict;
  }

  /** An entry read from the log, in log order. `ahead` and `diverged` are left to the caller; all else is dealt with. */
  read(entry: BusEntry): Verdict['verdict'] {
    const track = this.#track;
    if (track === undefined) return 'ahead';
    if (comparePositions(entry.position, track.read) <= 0) return 'duplicate';
    const { verdict } = judgeNext(track, entry.position);
    if (verdict === 'follows') {
      this.#take(track, entry);
      return verdict;
    }
    // Only what holds a valid activity can be out of place.
    if (activitySlot(entry) !== undefined) return verdict;
    this.pass(entry.position);
    return 'follows';
  }

  /** Steps over an entry that is no activity of this log. */
  pass(position: Position): void {
    if (this.#track !== undefined) this.#track = passInvalid(this.#track, position);
    this.counters.invalid += 1;
  }

  /** Everything before the entry at `first` is gone. */
  skipTo(first: Position): void {
    if (this.#track !== undefined) this.#lose(this.#track, beforeFirst(first));
  }

  /** Everything up to `last` is gone, and nothing is there after it yet. */
  skipPast(last: Position): void {
    if (this.#track !== undefined) this.#lose(this.#track, last);
  }

  #lose(track: Track, cursor: Position): void {
    const missed = missedBefore(track, cursor.n + 1);
    if (missed === 0) return;
    this.#track = { ...trackBefore(cursor), read: later(track.read, cursor) };
    this.counters.gaps += 1;
    this.counters.missed += missed;
    this.#append(gapSlot(cursor, missed));
  }

  /** Another history begins directly after `base`. */
  reset(epoch: number, base: Position): void {
    this.epoch = epoch;
    this.since = Number.POSITIVE_INFINITY;
    this.#track = trackBefore(base);
    this.counters.resets += 1;
    this.#append(resetSlot(base));
  }

  #take(track: Track, entry: BusEntry): void {
    const slot = activitySlot(entry);
    if (slot === undefined) {
      this.#track = passInvalid(track, entry.position);
      this.counters.invalid += 1;
      return;
    }
    if (entry.position.ms < this.since) this.since = entry.position.ms;
    this.#track = trackAt(entry.position);
    this.#append(slot);
  }

  #append(slot: RingSlot): void {
    this.ring.append(slot);
    this.#announce();
  }

  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    queueMicrotask(() => {
      this.#announcing = false;
      this.appended.wake();
    });
  }
}
