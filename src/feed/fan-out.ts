import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { formatCursor, type Position } from '../activity/cursor.ts';
import { createCounters, type EndedBy, type FanOutCounters, type FanOutStats } from './fan-out-stats.ts';
import { FlushPace } from './flush-pace.ts';
import type { Lane, Piece } from './lane.ts';
import { type LaneChoice, LaneTable } from './lane-table.ts';
import type { LiveFeed } from './live-feed.ts';
import { Reader, type ReaderEvents } from './reader.ts';
import { type EndReason, endText, heartbeatText, startText, toWire } from './sse-frame.ts';
import { type OverrunPolicy, Stragglers } from './stragglers.ts';

export interface FanOutOptions {
  feed: LiveFeed;
  overrun: OverrunPolicy;
  /** Silence after which a reader gets a heartbeat, ms. */
  heartbeatMs: number;
  /** A reader whose socket takes nothing for so long is cut, ms. */
  stallMs: number;
  /** Longest wait at the end for readers to take their last bytes, ms. */
  drainMs: number;
  /** After how long readers come back when they were cut, about, ms. */
  retryMs: number;
  /** How long a sampled reader must keep up before it gets twice as much, ms. */
  sampleCalmMs: number;
  /** Told once for every reader that was opened. */
  onClosed(reader: Reader): void;
}

/**
 * The live feed to any number of connections. A reader has no queue: it is a sequence of the ring and a lane. Everybody
 * at the head is written the same Buffer at a flush; who cannot take more waits for its socket and goes on from its own
 * sequence as a straggler until it is at the head again.
 */
export class FanOut implements ReaderEvents {
  readonly lanes = new LaneTable();
  readonly counters: FanOutCounters = createCounters();
  /** Sequence up to which everybody at the head was given everything. */
  next: number;
  readonly #options: FanOutOptions;
  readonly #feed: LiveFeed;
  readonly #stragglers: Stragglers;
  readonly #pace = new FlushPace(performance.now());
  readonly #unsubscribe: () => void;
  readonly #sweeper: NodeJS.Timeout;
  readonly #readers = new Set<Reader>();
  #cursor: string | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #gone: (() => void) | undefined;
  #started = false;

  constructor(options: FanOutOptions) {
    this.#options = options;
    this.#feed = options.feed;
    this.next = options.feed.ring.head;
    this.#cursor = options.feed.ring.at(this.next - 1)?.cursor;
    this.#stragglers = new Stragglers(this, options.feed, options.overrun);
    this.#unsubscribe = options.feed.onAppend(() => this.#schedule());
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(20, Math.min(1_000, options.heartbeatMs / 4))).unref();
  }

  /** Cursor of readers at the head. */
  get cursor(): string {
    return this.#cursor ?? formatCursor(this.#feed.position());
  }

  /**
   * Takes over a response whose head was sent, with its first bytes.
   * @param from the place to go on from; absent is from now on
   */
  open(response: ServerResponse, socket: Socket, choice: LaneChoice, from: Position | undefined): void {
    const nowMs = performance.now();
    const lane = this.lanes.enter(choice, nowMs);
    // Before the log was ever reached there is no place that could be called now: the reader waits for the first one.
    const cursor =
      from !== undefined ? formatCursor(from) : this.#isStarted() ? formatCursor(this.#feed.position()) : '';
    const reader = new Reader(this, response, socket, lane, cursor, nowMs);
    this.#readers.add(reader);
    this.counters.opened += 1;
    reader.write(toWire(startText(choice.format, cursor, this.#retryMs(0.5, 1)), choice.chunked));
    if (this.#closing !== undefined) this.finish(reader, 'closing');
    else if (from !== undefined) this.#stragglers.replay(reader, from);
    else if (cursor === '') this.#stragglers.arrive(reader);
    else this.#stragglers.standAt(reader, this.#feed.ring.head, cursor);
  }

  /** To the readers at the head, where it stands. */
  join(reader: Reader): void {
    reader.state = 'live';
    reader.lane.join(reader);
  }

  /** Its socket is full: it waits until that is empty again. */
  block(reader: Reader): void {
    reader.state = 'blocked';
    this.watch(reader);
  }

  /** Cuts it when it takes nothing for too long while its socket is full. */
  watch(reader: Reader): void {
    reader.socket.setTimeout(this.#options.stallMs);
  }

  drained(reader: Reader): void {
    if (reader.state === 'ended') return;
    reader.socket.setTimeout(0);
    this.#stragglers.drained(reader);
  }

  /** The socket's own clock starts anew whenever the peer takes a byte, so a slow reader is not a stalled one. */
  stalled(reader: Reader): void {
    this.end(reader, 'stalled');
    reader.socket.destroy();
  }

  closed(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.end(reader, 'client');
    this.lanes.leave(reader.lane);
    this.#options.onClosed(reader);
    if (this.#readers.size === 0) this.#gone?.();
  }

  /** One piece to one reader. False where its socket is full. */
  give(reader: Reader, piece: Piece): boolean {
    reader.cursor = piece.cursor;
    if (piece.buffer === undefined) return true;
    this.#countWrite(piece, 1);
    reader.wroteMs = performance.now();
    return reader.write(piece.buffer);
  }

  /** Its last bytes with its exact cursor, then the end of the stream. */
  finish(reader: Reader, reason: EndReason): void {
    if (reader.state === 'ended') return;
    const cursor = reader.state === 'live' ? this.cursor : reader.cursor;
    this.end(reader, reason);
    this.watch(reader);
    reader.write(toWire(endText(reader.lane.format, cursor, this.#retryMs(1, 3), reason), reader.lane.chunked));
    reader.response.end();
    reader.socket.destroySoon();
  }

  /** Gives it nothing any more; the first reason counts. */
  end(reader: Reader, by: EndedBy): void {
    if (reader.state === 'ended') return;
    if (reader.state === 'live') reader.lane.leave(reader);
    reader.state = 'ended';
    this.counters.ended[by] += 1;
    reader.replay?.abort();
    reader.wake?.(false);
  }

  stats(): FanOutStats {
    let live = 0;
    for (const lane of this.lanes.values()) live += lane.live.length;
    return {
      ...this.counters,
      ended: { ...this.counters.ended },
      readers: this.#readers.size,
      live,
      lanes: this.lanes.size,
      framesPerSecond: Math.round(this.#pace.framesPerSecond),
      filterEvaluations: this.lanes.evaluations,
    };
  }

  /** Gives every reader its exact cursor and a time to come back, ends the streams, and waits for them. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#sweeper);
    clearTimeout(this.#flushTimer);
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    for (const reader of this.#readers) this.finish(reader, 'closing');
    if (this.#readers.size === 0) return;
    const cut = setTimeout(() => {
      for (const reader of this.#readers) reader.socket.destroy();
    }, this.#options.drainMs);
    await gone;
    clearTimeout(cut);
  }

  /** Spread, so that a restart does not bring everybody back at the same moment. */
  #retryMs(from: number, to: number): number {
    return Math.round(this.#options.retryMs * (from + Math.random() * (to - from)));
  }

  #isStarted(): boolean {
    this.#started ||= this.#feed.status().connected;
    return this.#started;
  }

  #schedule(): void {
    if (this.#flushTimer !== undefined) return;
    const delayMs = this.#pace.delayMs(performance.now());
    if (delayMs <= 0) this.#flush();
    else this.#flushTimer = setTimeout(() => this.#flush(), delayMs).unref();
  }

  #flush(): void {
    this.#flushTimer = undefined;
    const startMs = performance.now();
    const { ring } = this.#feed;
    const from = this.next;
    const to = ring.head;
    this.#stragglers.look(to);
    if (from < ring.tail) this.#parkAll();
    let frames = 0;
    for (const lane of this.lanes.values()) frames += this.#flushLane(lane, from, to, startMs);
    this.next = to;
    this.#cursor = ring.at(to - 1)?.cursor ?? this.#cursor;
    this.#stragglers.welcome(this.#isStarted());
    this.counters.flushes += 1;
    this.#pace.flushed(frames, startMs, performance.now());
  }

  #flushLane(lane: Lane, from: number, to: number, nowMs: number): number {
    let frames = 0;
    for (let at = from; at < to && lane.live.length > 0; ) {
      const piece = lane.encode(this.#feed.ring, at, to);
      at = piece.end;
      if (piece.buffer === undefined) continue;
      const readers = lane.live.length;
      this.#countWrite(piece, readers);
      frames += piece.frames * readers;
      lane.wroteMs = nowMs;
      this.#writeLive(lane, piece.buffer, piece.end, piece.cursor);
    }
    return frames;
  }

  /** The same bytes to everybody at the head; who cannot take more stands apart from then on. */
  #writeLive(lane: Lane, buffer: Buffer, sequence: number, cursor: string): void {
    // Backwards, because the last one takes the place of one that leaves.
    for (let index = lane.live.length - 1; index >= 0; index -= 1) {
      const reader = lane.live[index];
      if (reader === undefined || reader.write(buffer)) continue;
      lane.leave(reader);
      reader.sequence = sequence;
      reader.cursor = cursor;
      this.block(reader);
    }
  }

  /** The ring went past everybody between two flushes. */
  #parkAll(): void {
    for (const lane of this.lanes.values()) {
      for (const reader of lane.live.splice(0)) {
        reader.sequence = this.next;
        reader.cursor = this.cursor;
        this.#stragglers.enqueue(reader);
      }
    }
  }

  /** Heartbeats of all readers, and what else happens by the clock. */
  #sweep(): void {
    const nowMs = performance.now();
    const { heartbeatMs, sampleCalmMs } = this.#options;
    this.#stragglers.welcome(this.#isStarted());
    for (const lane of this.lanes.values()) {
      if (lane.live.length === 0 || nowMs - lane.wroteMs < heartbeatMs) continue;
      lane.wroteMs = nowMs;
      this.counters.heartbeats += lane.live.length;
      const beat = toWire(heartbeatText(lane.format, this.cursor), lane.chunked);
      this.#writeLive(lane, beat, this.next, this.cursor);
    }
    for (const reader of this.#readers) {
      if (reader.state === 'live') {
        if (reader.lane.oneIn > 1 && nowMs - reader.overrunMs > sampleCalmMs) this.#stragglers.relax(reader, nowMs);
      } else if (reader.state !== 'ended' && nowMs - reader.wroteMs >= heartbeatMs) this.#beat(reader, nowMs);
    }
  }

  /** One that waits for the log, not for its own socket: that would only get fuller. */
  #beat(reader: Reader, nowMs: number): void {
    if (reader.socket.writableLength > 0) return;
    reader.wroteMs = nowMs;
    this.counters.heartbeats += 1;
    reader.write(toWire(heartbeatText(reader.lane.format, reader.cursor), reader.lane.chunked));
  }

  #countWrite(piece: Piece, readers: number): void {
    const { counters } = this;
    counters.frames += piece.frames * readers;
    counters.bytes += (piece.buffer?.length ?? 0) * readers;
    counters.writes += readers;
    counters.coalesced += (piece.frames - 1) * readers;
  }
}
