import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatCursor, type Position, parseCursor } from '../activity/cursor.ts';
import { log } from '../diag.ts';
import { toLivespanError } from '../errors.ts';
import type { FanOut } from './fan-out.ts';
import { PieceCache } from './lane.ts';
import type { LiveFeed } from './live-feed.ts';
import type { Reader } from './reader.ts';
import type { RingSlot } from './ring.ts';
import { SAMPLE_FIRST, SAMPLE_MAX } from './sampling.ts';
import { frameText, heartbeatText, toWire } from './sse-frame.ts';

/** What happens to a reader that is connected and fell out of the ring. */
export type OverrunPolicy = 'catch-up' | 'skip' | 'sample' | 'disconnect';

/** Longest turn for stragglers, ms: live readers must not wait for them. */
const TURN_MS = 8;
const CACHE_BYTES_MAX = 8 * 1_048_576;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5_000;

/** Readers that are not at the head: on their way through the ring, in the log, or fallen out of the ring. */
export class Stragglers {
  readonly #fanOut: FanOut;
  readonly #feed: LiveFeed;
  readonly #overrun: OverrunPolicy;
  readonly #cache = new PieceCache(CACHE_BYTES_MAX);
  #arrivals: Reader[] = [];
  #ready: Reader[] = [];
  #turn: NodeJS.Immediate | undefined;
  #resets: number;
  /** No reset slot lies after this sequence. Positions before one cannot be counted against later ones. */
  #resetAt = -1;

  constructor(fanOut: FanOut, feed: LiveFeed, overrun: OverrunPolicy) {
    this.#fanOut = fanOut;
    this.#feed = feed;
    this.#overrun = overrun;
    this.#resets = feed.status().resets;
  }

  /** Told of each flush: `to` is where it ends. */
  look(to: number): void {
    const { resets } = this.#feed.status();
    if (resets !== this.#resets) this.#resetAt = to - 1;
    this.#resets = resets;
  }

  /** After a flush: those who stood beyond the one before it, or wait for a log that was never reached yet. */
  welcome(started: boolean): void {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    for (const reader of arrivals) {
      if (reader.state !== 'arriving') continue;
      if (reader.cursor !== '') this.#advance(reader);
      else if (started) this.#place(reader);
      else this.#arrivals.push(reader);
    }
  }

  /** Waits for the next flush. */
  arrive(reader: Reader): void {
    reader.state = 'arriving';
    this.#arrivals.push(reader);
  }

  /** Its first cursor, and on from there. */
  #place(reader: Reader): void {
    const { cursor, next } = this.#fanOut;
    reader.write(toWire(heartbeatText(reader.lane.format, cursor), reader.lane.chunked));
    this.standAt(reader, next, cursor);
  }

  /** A reader that has everything before `sequence`. */
  standAt(reader: Reader, sequence: number, cursor: string): void {
    reader.sequence = sequence;
    reader.cursor = cursor;
    this.#advance(reader);
  }

  drained(reader: Reader): void {
    reader.wake?.(true);
    if (reader.state === 'blocked') this.enqueue(reader);
  }

  enqueue(reader: Reader): void {
    reader.state = 'ready';
    this.#ready.push(reader);
    this.#turn ??= setImmediate(() => this.#takeTurn());
  }

  /** Pages from the log until inside the ring; the heartbeats go on meanwhile, so an unreachable log is waited for. */
  replay(reader: Reader, from: Position): void {
    this.#fanOut.counters.replays += 1;
    reader.state = 'replaying';
    const abort = new AbortController();
    reader.replay = abort;
    this.#replay(reader, from, abort.signal)
      .catch((error: unknown) => this.#fail(reader, error))
      .finally(() => {
        // One that was overrun at the very end of a replay is in the next one already.
        if (reader.replay === abort) reader.replay = undefined;
      });
  }

  /** One that kept up for a while gets twice as much. */
  relax(reader: Reader, nowMs: number): void {
    reader.lane.leave(reader);
    reader.sequence = this.#fanOut.next;
    this.#skipTo(reader, 0, Math.max(1, reader.lane.oneIn / 2), nowMs);
  }

  /** One piece for each, then the event loop goes round: a storm of reconnects must not hold up what is live. */
  #takeTurn(): void {
    this.#turn = undefined;
    const untilMs = performance.now() + TURN_MS;
    const turn = this.#ready;
    this.#ready = [];
    let done = 0;
    while (done < turn.length && (done === 0 || performance.now() < untilMs)) {
      const reader = turn[done];
      done += 1;
      if (reader?.state === 'ready') this.#advance(reader);
    }
    if (done < turn.length) this.#ready = turn.slice(done).concat(this.#ready);
    if (this.#ready.length > 0) this.#turn ??= setImmediate(() => this.#takeTurn());
  }

  #advance(reader: Reader): void {
    const { next } = this.#fanOut;
    const { ring } = this.#feed;
    if (reader.sequence === next) this.#fanOut.join(reader);
    else if (reader.sequence > next) this.arrive(reader);
    else if (reader.sequence < ring.tail) this.#fallenOut(reader);
    else {
      const piece = reader.lane.encodeShared(ring, reader.sequence, next, this.#cache);
      reader.sequence = piece.end;
      if (!this.#fanOut.give(reader, piece)) this.#fanOut.block(reader);
      else if (piece.end === next) this.#fanOut.join(reader);
      else this.enqueue(reader);
    }
  }

  #fallenOut(reader: Reader): void {
    const { counters, cursor } = this.#fanOut;
    counters.overruns += 1;
    const from = parseCursor(reader.cursor);
    const to = parseCursor(cursor);
    if (this.#overrun === 'disconnect') this.#fanOut.finish(reader, 'overrun');
    // Across a reset nothing can be counted: the log says what is there.
    else if (
      from !== undefined &&
      (to === undefined || this.#overrun === 'catch-up' || reader.sequence <= this.#resetAt)
    )
      this.replay(reader, from);
    else if (from !== undefined && to !== undefined) {
      const missed = Math.max(0, to.n - from.n);
      counters.skippedEntries += missed;
      reader.sequence = this.#fanOut.next;
      const { oneIn } = reader.lane;
      const more = oneIn === 1 ? SAMPLE_FIRST : Math.min(SAMPLE_MAX, oneIn * 2);
      this.#skipTo(reader, missed, this.#overrun === 'sample' ? more : 1, performance.now());
    }
  }

  /** To the head, told how much it missed and, where it is or was sampled, of how many it gets one from here on. */
  #skipTo(reader: Reader, missed: number, oneIn: number, nowMs: number): void {
    const { lanes, cursor } = this.#fanOut;
    const sampled = oneIn === reader.lane.oneIn && oneIn === 1 ? undefined : oneIn;
    const told = { type: 'lagged', cursor, missed, ...(sampled === undefined ? {} : { sampled }) } as const;
    const { lane } = reader;
    reader.lane = lanes.enterSampled(lane, oneIn, nowMs);
    lanes.leave(lane);
    reader.overrunMs = nowMs;
    const buffer = toWire(frameText(told, lane.format), lane.chunked);
    const open = this.#fanOut.give(reader, { end: reader.sequence, cursor, frames: 1, buffer });
    if (open) this.#fanOut.join(reader);
    else this.#fanOut.block(reader);
  }

  async #replay(reader: Reader, start: Position, signal: AbortSignal): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    for (let from = start; ; ) {
      const pages = this.#feed.replay(from, signal);
      try {
        for (;;) {
          const step = await pages.next();
          if (reader.state !== 'replaying') return;
          if (step.done) {
            this.standAt(reader, step.value.sequence, formatCursor(step.value.position));
            return;
          }
          retryMs = RETRY_FIRST_MS;
          if (!(await this.#givePage(reader, step.value))) return;
          from = parseCursor(reader.cursor) ?? from;
          // Pages that are held come without waiting. A turn each keeps those who replay together on the same page, which
          // is then read and encoded once for all, and lets what is live go on.
          await nextTurn();
        }
      } catch (error) {
        if (reader.state !== 'replaying') return;
        const { code, message } = toLivespanError(error);
        if (code === 'closed' || code === 'internal') throw error;
        this.#fanOut.counters.replayFailures += 1;
        log.debug(`A replay waits for the log: ${message}`);
      } finally {
        // Also where this reader is gone in the middle of it.
        await pages.return({ sequence: 0, position: from });
      }
      if (!(await this.#pause(reader, retryMs * (0.5 + Math.random())))) return;
      retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
    }
  }

  async #givePage(reader: Reader, slots: readonly RingSlot[]): Promise<boolean> {
    for (let at = 0; at < slots.length; ) {
      const piece = reader.lane.encodePage(slots, at, this.#cache);
      at = piece.end;
      if (!this.#fanOut.give(reader, piece) && !(await this.#drain(reader))) return false;
    }
    return true;
  }

  /** Until its socket takes more; false where it is gone, or was cut because it takes nothing. */
  async #drain(reader: Reader): Promise<boolean> {
    this.#fanOut.watch(reader);
    const open = await new Promise<boolean>((resolve) => {
      reader.wake = resolve;
    });
    reader.wake = undefined;
    return open;
  }

  async #pause(reader: Reader, delayMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const open = await new Promise<boolean>((resolve) => {
      reader.wake = (stillOpen) => {
        if (!stillOpen) resolve(false);
      };
      timer = setTimeout(resolve, delayMs, true);
    });
    clearTimeout(timer);
    reader.wake = undefined;
    return open;
  }

  #fail(reader: Reader, error: unknown): void {
    if (reader.state === 'ended') return;
    if (toLivespanError(error).code === 'closed') this.#fanOut.finish(reader, 'closing');
    else {
      log.error('A stream was cut for a reason of ours', error);
      this.#fanOut.end(reader, 'failed');
      reader.socket.destroy();
    }
  }
}
