import type { Matcher } from './matcher.ts';
import type { Reader } from './reader.ts';
import type { Ring, RingSlot } from './ring.ts';
import { isKept } from './sampling.ts';
import { frameText, type StreamFormat, toWire } from './sse-frame.ts';

/** Frames of consecutive slots as one Buffer, which every reader of the lane can be given. */
export interface Piece {
  /** First sequence (or index of a page) after it. */
  end: number;
  /** Cursor of the last slot looked at, shown or not. */
  cursor: string;
  frames: number;
  /** Absent where nothing is shown. */
  buffer: Buffer | undefined;
}

/** Text of one piece; a single activity may be longer. */
const PIECE_CHARS = 65_536;
/** Pieces for readers that are behind end at multiples of this, so that readers who come from different places share them. */
const PIECE_SLOTS = 256;

let lanesMade = 0;

/** Readers that get the same bytes: one filter, one format, one framing, one sampling. Frames are encoded once for all. */
export class Lane {
  readonly id: number;
  readonly key: string;
  readonly matcher: Matcher;
  readonly format: StreamFormat;
  /** Chunked transfer coding (HTTP/1.1). */
  readonly chunked: boolean;
  /** 1: everything. */
  readonly oneIn: number;
  /** Readers at the head of the fan-out. */
  readonly live: Reader[] = [];
  /** Readers in all. */
  readers = 0;
  wroteMs: number;

  constructor(key: string, matcher: Matcher, format: StreamFormat, chunked: boolean, oneIn: number, nowMs: number) {
    lanesMade += 1;
    this.id = lanesMade;
    this.key = key;
    this.matcher = matcher;
    this.format = format;
    this.chunked = chunked;
    this.oneIn = oneIn;
    this.wroteMs = nowMs;
  }

  /** From `from` on, at most to `to`, which the ring must hold. */
  encode(ring: Ring, from: number, to: number): Piece {
    const text = new FrameText(this.format, this.oneIn);
    let at = from;
    while (at < to && text.length < PIECE_CHARS) {
      const slot = ring.at(at);
      if (slot === undefined) break;
      text.add(slot, this.matcher.showsAt(ring, at, slot));
      at += 1;
    }
    return this.#piece(text, at);
  }

  /** For a reader that is behind: the same piece for everybody who comes by. */
  encodeShared(ring: Ring, from: number, to: number, cache: PieceCache): Piece {
    const key = `${this.id}:${from}`;
    const known = cache.get(key);
    if (known !== undefined && known.end <= to) return known;
    const boundary = from - (from % PIECE_SLOTS) + PIECE_SLOTS;
    const piece = this.encode(ring, from, Math.min(boundary, to));
    if (piece.end === boundary || (piece.buffer?.length ?? 0) >= PIECE_CHARS) cache.set(key, piece);
    return piece;
  }

  /** From index `from` of a page of the log: readers that replay the same stretch get the same pieces. */
  encodePage(slots: readonly RingSlot[], from: number, cache: PieceCache): Piece {
    const key = `${this.id}:${from}:${pageKey(slots)}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const text = new FrameText(this.format, this.oneIn);
    let at = from;
    while (at < slots.length && text.length < PIECE_CHARS) {
      const slot = slots[at];
      if (slot !== undefined) text.add(slot, this.matcher.shows(slot));
      at += 1;
    }
    const piece = this.#piece(text, at);
    cache.set(key, piece);
    return piece;
  }

  join(reader: Reader): void {
    reader.index = this.live.length;
    this.live.push(reader);
  }

  /** Out of the readers at the head; the last one takes its place. */
  leave(reader: Reader): void {
    const last = this.live.pop();
    if (last === undefined || last === reader) return;
    this.live[reader.index] = last;
    last.index = reader.index;
  }

  #piece(text: FrameText, end: number): Piece {
    text.tellOmitted();
    const buffer = text.length === 0 ? undefined : toWire(text.text, this.chunked);
    return { end, cursor: text.cursor, frames: text.frames, buffer };
  }
}

/** A page by its ends and its control slots, which come and go between the same entries. */
function pageKey(slots: readonly RingSlot[]): string {
  const controls = slots.filter((slot) => slot.type !== 'activity').map((slot) => JSON.stringify(slot));
  return `${slots[0]?.cursor}:${slots.at(-1)?.cursor}:${slots.length}:${controls.join()}`;
}

class FrameText {
  readonly #format: StreamFormat;
  readonly #oneIn: number;
  #omitted = 0;
  #omittedCursor = '';
  text = '';
  cursor = '';
  frames = 0;

  constructor(format: StreamFormat, oneIn: number) {
    this.#format = format;
    this.#oneIn = oneIn;
  }

  get length(): number {
    return this.text.length;
  }

  add(slot: RingSlot, shown: boolean): void {
    this.cursor = slot.cursor;
    if (!shown) return;
    if (this.#oneIn > 1 && !isKept(slot, this.#oneIn)) {
      this.#omitted += 1;
      this.#omittedCursor = slot.cursor;
      return;
    }
    // Before the next frame, not now and then: whoever is cut in between has been told of all that lies before its cursor.
    this.tellOmitted();
    this.text += frameText(slot, this.#format);
    this.frames += 1;
  }

  tellOmitted(): void {
    if (this.#omitted === 0) return;
    const told = { type: 'lagged', cursor: this.#omittedCursor, missed: this.#omitted, sampled: this.#oneIn } as const;
    this.text += frameText(told, this.#format);
    this.frames += 1;
    this.#omitted = 0;
  }
}

/** Pieces of all lanes that somebody behind was given lately, oldest out first. */
export class PieceCache {
  readonly #bytesMax: number;
  readonly #pieces = new Map<string, Piece>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(key: string): Piece | undefined {
    return this.#pieces.get(key);
  }

  set(key: string, piece: Piece): void {
    if (this.#pieces.has(key)) return;
    this.#pieces.set(key, piece);
    this.#bytes += costOf(piece);
    for (const [oldest, held] of this.#pieces) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#pieces.delete(oldest);
      this.#bytes -= costOf(held);
    }
  }
}

function costOf(piece: Piece): number {
  return 200 + (piece.buffer?.length ?? 0);
}
