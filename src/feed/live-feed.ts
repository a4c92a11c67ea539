import type { Position } from '../activity/cursor.ts';
import type { Bus } from '../bus/bus.ts';
import type { Located, Ring, RingSlot } from './ring.ts';

/** Options of the live feed; what is absent comes from the option table. */
export interface LiveFeedOptions {
  bus: Bus;
  ringCountMax?: number;
  ringBytesMax?: number;
  /** How often the ring is compared with the log, ms. */
  idleCheckMs?: number;
}

/** Figures of the live feed; every counter only grows. */
export interface LiveFeedStatus {
  /** Live delivery is up and the ring has caught up with the log. */
  connected: boolean;
  /** Log time (ms) at which the log was created; 0 while nothing is known. */
  epoch: number;
  /** Live messages taken from the subscription. */
  received: number;
  /** Entries read from the log because they did not come live. */
  repaired: number;
  duplicates: number;
  gaps: number;
  /** Entries that were gone when they were missed, in total. */
  missed: number;
  resets: number;
  /** Entries and messages on the feed that are not ours. */
  foreign: number;
  /** Entries of ours that hold no valid activity. */
  invalid: number;
}

/**
 * One subscription to the log, shared by every reader of the process: a ring that holds the newest activities in log
 * order without a silent hole. What is missed live is read back once for all; what is gone is said by a gap slot.
 */
export interface LiveFeed {
  readonly ring: Ring;
  readonly bus: Bus;
  /**
   * Subscribes and fills the ring with the newest entries. Resolves when the feed is live; rejects with the reason of the
   * first try that failed, while the feed keeps trying by itself. May be called twice.
   */
  start(): Promise<void>;
  /** Called after slots were appended, at most once a tick. Returns the function that ends it. */
  onAppend(listener: () => void): () => void;
  /** Where a position is; a position with `n` 0 is a point in time. */
  locate(position: Position): Located;
  /** From `from` to the ring: everything in between, then the sequence to go on from. */
  replay(from: Position, signal?: AbortSignal): AsyncGenerator<RingSlot[], Attached>;
  /** Newest known position; `<epoch>-0` on an empty log. */
  position(): Position;
  /** The log's own clock, ms, as far as it is known; else this machine's. */
  nowMs(): number;
  status(): LiveFeedStatus;
  /** Ends the subscription, not the bus. May be called twice. */
  close(): Promise<void>;
}

/** The place in the ring at which a replay hands over. */
export interface Attached {
  /** Next slot to read. The ring may drop it before it is read: then replay again from `position`. */
  sequence: number;
  /** Position directly before that slot: everything up to it was delivered. */
  position: Position;
}

export declare function createLiveFeed(options: LiveFeedOptions): LiveFeed;
