import { beforeFirst, comparePositions, isTimePosition, type Position } from '../activity/cursor.ts';
import type { BusInfo } from '../bus/bus.ts';
import type { PageStep, ReplayPage } from './page-cache.ts';
import type { Located, RingSlot } from './ring.ts';
import { gapSlot, resetSlot } from './slots.ts';
import { isGone, judgeNext, later, missedBefore, passInvalid, type Track, trackAt, trackFrom } from './track.ts';

/** The place in the ring at which a replay hands over. */
export interface Attached {
  /** Next slot to read. The ring may drop it before it is read: then replay again from `position`. */
  sequence: number;
  /** Position directly before that slot: everything up to it was delivered. */
  position: Position;
}

/** What a replay needs: the log by pages, and a look at the ring that takes no time. */
export interface ReplaySource {
  /** Epoch of the ring's history; absent while nothing is known. */
  epoch(): number | undefined;
  /** Finds the place in the ring. Answer and attachment are in one tick, so nothing can come between. */
  locate(position: Position, exact: boolean): Located;
  /** Position directly before that slot of the ring. */
  before(sequence: number): Position | undefined;
  page(after: Position, inclusive: boolean, signal: AbortSignal): Promise<ReplayPage>;
  info(probe: Position, signal: AbortSignal): Promise<BusInfo>;
  /** Changes of the ring so far, and the wait for the next one (false: none came for a while). */
  changes(): number;
  wait(seen: number, signal: AbortSignal): Promise<boolean>;
}

/**
 * Replay, then live: pages through the log from `from` until it is inside the ring, and returns the sequence to go on
 * from. Every activity that is retained comes once and in order; what is gone is said by a gap with its exact count, and
 * another history by a reset. A point in time (`n` 0) never gets either at its start.
 *
 * The race it decides: while a page is read, the ring moves on and the log is trimmed or replaced. Therefore each round
 * asks the ring first, and the round that finds its place there returns without waiting for anything.
 */
export async function* replay(options: {
  source: ReplaySource;
  from: Position;
  signal: AbortSignal;
}): AsyncGenerator<RingSlot[], Attached> {
  const handover = new Handover(options.source, options.from, options.signal);
  while (true) {
    options.signal.throwIfAborted();
    const attached = await handover.round();
    const slots = handover.takeSlots();
    if (slots.length > 0) yield slots;
    else if (attached !== undefined) return attached;
  }
}

class Handover {
  readonly #source: ReplaySource;
  readonly #signal: AbortSignal;
  #track: Track;
  /** Epoch of the log that the track was read from. */
  #epoch: number | undefined;
  /** The position was seen in this log, or told by it: it needs no check. */
  #verified: boolean;
  /** A reset is due before the next slot. */
  #resetting = false;
  /** Changes of the ring when this round began. */
  #seen = 0;
  #slots: RingSlot[] = [];

  constructor(source: ReplaySource, from: Position, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    const exact = !isTimePosition(from);
    this.#track = exact ? trackAt(from) : trackFrom(from);
    this.#verified = !exact;
  }

  takeSlots(): RingSlot[] {
    const slots = this.#slots;
    this.#slots = [];
    return slots;
  }

  /** One step nearer to the ring. Where it is reached and nothing is left to say, the answer is the place. */
  async round(): Promise<Attached | undefined> {
    this.#seen = this.#source.changes();
    const epoch = this.#source.epoch();
    // Until the ring knows the log there is nothing to compare a page with.
    if (epoch === undefined) return void (await this.#change());
    if (this.#isOlderThan(epoch)) return this.#reset(epoch);
    const { position, exact } = this.#track;
    const place = this.#source.locate(position, exact);
    if ('at' in place) return this.#attach(place.at);
    if ('reset' in place) return this.#reset(undefined);
    if ('older' in place) return this.#readPage();
    if (!this.#verified) return this.#verify(await this.#source.info(position, this.#signal));
    // The log was read further than the ring has come. When nothing comes for a while, ask again.
    this.#verified = await this.#change();
    return undefined;
  }

  /** Waits until the ring has changed since this round began; false when it has not for a while. */
  #change(): Promise<boolean> {
    return this.#source.wait(this.#seen, this.#signal);
  }

  #attach(sequence: number): Attached | undefined {
    const position = this.#source.before(sequence) ?? this.#track.position;
    if (!this.#resetting) return { sequence, position };
    this.#sayReset(position);
    return undefined;
  }

  /** The position is of an older log than the one the ring follows. */
  #isOlderThan(epoch: number): boolean {
    const known = this.#epoch ?? epoch;
    this.#epoch = epoch;
    const { position, exact } = this.#track;
    if (!exact || isTimePosition(position) || position.ms >= epoch) return false;
    // A reader from the beginning may pass entries that are older than the epoch; a cursor may not be.
    return !this.#verified || known !== epoch;
  }

  /** From here on contiguity is owed again from the next slot on only, and that a reset lies before it. */
  #reset(newEpoch: number | undefined): undefined {
    this.#resetting = true;
    this.#verified = true;
    this.#track = trackFrom(newEpoch === undefined ? this.#track.position : { ms: newEpoch, n: 0 });
    return undefined;
  }

  #sayReset(cursor: Position): void {
    this.#resetting = false;
    this.#slots.push(resetSlot(cursor));
    this.#track = isTimePosition(cursor) ? trackFrom(cursor) : trackAt(cursor);
  }

  /** Decides about a position that neither the ring nor a page has shown. */
  async #verify(info: BusInfo): Promise<undefined> {
    const { position } = this.#track;
    if (position.ms < info.epoch) return this.#resetTo(info);
    if (comparePositions(position, info.last) > 0 || isGone(position, info)) return this.#reset(undefined);
    this.#verified = true;
    return undefined;
  }

  /** A new epoch that the ring may not have noticed yet: until it has, its old slots would be taken for new ones. */
  async #resetTo(info: BusInfo): Promise<undefined> {
    if (this.#source.epoch() === info.epoch) return this.#reset(info.epoch);
    await this.#change();
    return undefined;
  }

  async #readPage(): Promise<undefined> {
    const { position, exact, read } = this.#track;
    const check = exact && !this.#verified;
    const page = await this.#source.page(check ? position : read, check, this.#signal);
    // The log was made anew around this page: the ring hears of it, and the page is read again.
    if (page.epoch !== this.#epoch) return undefined;
    const first = page.steps[0];
    if (check && !(first !== undefined && isPlaceOf(position, first))) {
      await this.#verify(await this.#source.info(position, this.#signal));
      if (!this.#verified || this.#resetting) return undefined;
    }
    this.#verified = true;
    for (const step of page.steps) {
      if (!this.#take(step)) return this.#settle(step);
    }
    if (page.next !== undefined) {
      this.#track = { ...this.#track, read: later(this.#track.read, page.next) };
      return undefined;
    }
    const moved = this.#slots.length > 0 || this.#passKnown(page.known);
    // Nothing was read and the ring is not reached: it is about to move.
    if (!moved) await this.#change();
    return undefined;
  }

  /** False when the step is out of place. */
  #take(step: PageStep): boolean {
    const track = this.#track;
    if (comparePositions(step.position, track.read) <= 0 && track.exact) return true;
    if (step.type === 'invalid') {
      this.#track = passInvalid(track, step.position);
      return true;
    }
    const { verdict } = judgeNext(track, step.position);
    if (verdict === 'duplicate') return true;
    if (verdict !== 'follows') return false;
    if (this.#resetting) this.#sayReset(beforeFirst(step.position));
    this.#slots.push(step);
    this.#track = trackAt(step.position);
    return true;
  }

  /** A step out of place: what lies before it is gone, or it was put in by hand, or another history begins with it. */
  async #settle(step: PageStep): Promise<undefined> {
    const { position } = this.#track;
    const { verdict } = judgeNext(this.#track, step.position);
    const epoch = this.#epoch ?? 0;
    if (verdict === 'ahead') this.#skip(this.#target(beforeFirst(step.position)));
    else if (position.ms < epoch && step.position.ms >= epoch) this.#reset(epoch);
    else if ((await this.#source.info(position, this.#signal)).probe !== 'present') this.#reset(undefined);
    else this.#track = passInvalid(this.#track, step.position);
    return undefined;
  }

  /** The log ended before what the ring already knew: that was trimmed. */
  #passKnown(known: Position | undefined): boolean {
    if (known === undefined) return false;
    const target = this.#target(known);
    if (comparePositions(target, this.#track.position) <= 0) return false;
    this.#skip(target);
    return true;
  }

  /** The log goes on after `goal` only; the ring may reach further back. */
  #target(goal: Position): Position {
    const { position, exact } = this.#track;
    const place = this.#source.locate(position, exact);
    const base = 'older' in place ? place.base : undefined;
    return base !== undefined && base.n >= position.n && comparePositions(base, goal) < 0 ? base : goal;
  }

  #skip(target: Position): void {
    const { position, exact } = this.#track;
    if (exact && target.n < position.n) {
      this.#reset(undefined);
      return;
    }
    const missed = exact ? missedBefore(this.#track, target.n + 1) : 0;
    if (missed > 0) this.#slots.push(gapSlot(target, missed));
    // From here on the log owes every entry, unless a reset is still to be said.
    this.#track = this.#resetting ? trackFrom(target) : trackAt(target);
  }
}

/** The entry itself, or the one that a control frame's cursor stands directly before. */
function isPlaceOf(position: Position, step: PageStep): boolean {
  return step.position.ms === position.ms && (step.position.n === position.n || step.position.n === position.n + 1);
}
