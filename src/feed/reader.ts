import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Lane } from './lane.ts';

/**
 * - `live`: at the head of the fan-out, gets the shared bytes of its lane;
 * - `ready`: behind, its socket takes more; goes on in the next turn;
 * - `blocked`: its socket is full; waits for `drain`, `close` or the stall limit;
 * - `arriving`: stands where the next flush will end;
 * - `replaying`: older than the ring; pages come from the log;
 * - `ended`: gets nothing any more.
 */
export type ReaderState = 'live' | 'ready' | 'blocked' | 'arriving' | 'replaying' | 'ended';

/** What happens to a reader; one object for all of them. */
export interface ReaderEvents {
  drained(reader: Reader): void;
  stalled(reader: Reader): void;
  closed(reader: Reader): void;
}

const READER = Symbol('livespan.reader');
type ReaderSocket = Socket & { [READER]?: Reader };

/** One connection: a place in the ring and a lane, no queue of its own. Its listeners are shared functions. */
export class Reader {
  readonly events: ReaderEvents;
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly address: string;
  lane: Lane;
  state: ReaderState = 'replaying';
  /** Next slot of the ring to send, where it is not live (a live one stands where its fan-out stands). */
  sequence = 0;
  /** Where it would resume, where it is not live. */
  cursor: string;
  /** Its place among the live readers of its lane. */
  index = -1;
  wroteMs: number;
  overrunMs = 0;
  /** Set while a replay waits for the socket: called with `false` when the reader is gone. */
  wake: ((open: boolean) => void) | undefined = undefined;
  /** Ends the replay under way. */
  replay: AbortController | undefined = undefined;

  constructor(
    events: ReaderEvents,
    response: ServerResponse,
    socket: Socket,
    lane: Lane,
    cursor: string,
    nowMs: number,
  ) {
    this.events = events;
    this.response = response;
    this.socket = socket;
    this.address = socket.remoteAddress ?? '';
    this.lane = lane;
    this.cursor = cursor;
    this.wroteMs = nowMs;
    const marked: ReaderSocket = socket;
    marked[READER] = this;
    socket.on('drain', onDrain).on('timeout', onTimeout).on('close', onClose);
  }

  /** Writes straight to the socket, past node:http; false where the socket cannot take more for now. */
  write(buffer: Buffer): boolean {
    // A write that went through at once also answers false when it was larger than the high-water mark.
    return this.socket.write(buffer) || this.socket.writableLength === 0;
  }
}

function onDrain(this: ReaderSocket): void {
  const reader = this[READER];
  reader?.events.drained(reader);
}

function onTimeout(this: ReaderSocket): void {
  const reader = this[READER];
  reader?.events.stalled(reader);
}

function onClose(this: ReaderSocket): void {
  const reader = this[READER];
  delete this[READER];
  reader?.events.closed(reader);
}
