import { BEGINNING, isTimePosition, type Position } from '../activity/cursor.ts';
import type { Bus } from '../bus/bus.ts';
import { readOptions } from '../config.ts';
import type { LivespanError } from '../errors.ts';
import type { SeedLimits } from './catch-up.ts';
import { Follower } from './follower.ts';
import { type Attached, type ReplaySource, replay } from './handover.ts';
import { History } from './history.ts';
import { createPageCache } from './page-cache.ts';
import { createRing, type Located, type Ring, type RingSlot, type WritableRing } from './ring.ts';

/** Options of the live feed; the ring's limits default to the option table. */
export interface LiveFeedOptions {
  bus: Bus;
  ringCountMax?: number | undefined;
  ringBytesMax?: number | undefined;
  /** Entries of the log that are taken into the ring at the start; the ring's limit when absent. */
  seedCountMax?: number | undefined;
  /** How often the ring is compared with the log, ms. */
  idleCheckMs?: number | undefined;
}

/** Figures of the live feed; every counter only grows. */
export interface LiveFeedStatus {
  /** Live delivery is up and the ring has caught up with the log. */
  connected: boolean;
  /** Why not, when not. */
  problem?: LivespanError;
  /** Log time (ms) at which the log was created; 0 while nothing is known. */
  epoch: number;
  /** Live messages taken from the subscription. */
  received: number;
  /** Entries read from the log because they had not come live. */
  repaired: number;
  /** Live messages that the ring held already, most of them because they were read from the log first. */
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
  /** Resolves when the feed is live, however long that takes. Rejects on abort and on close. */
  live(signal: AbortSignal): Promise<void>;
  /** Called after slots were appended, at most once a tick. Returns the function that ends it. */
  onAppend(listener: () => void): () => void;
  /** Where a position is; a position with `n` 0 is a point in time. */
  locate(position: Position): Located;
  /** From `from` to the ring: everything in between, then the sequence to go on from. Rejects on abort and on close. */
  replay(from: Position, signal?: AbortSignal): AsyncGenerator<RingSlot[], Attached>;
  /** Newest known position; `<epoch>-0` on an empty log. */
  position(): Position;
  /** The log's own clock, ms, as far as it is known; else this machine's. */
  nowMs(): number;
  status(): LiveFeedStatus;
  /** Ends the subscription, not the bus. May be called twice. */
  close(): Promise<void>;
}

const IDLE_CHECK_MS = 3_000;

export function createLiveFeed(options: LiveFeedOptions): LiveFeed {
  const { bus, idleCheckMs = IDLE_CHECK_MS } = options;
  const { ringCountMax, ringBytesMax } = readOptions(['ringCountMax', 'ringBytesMax'], options);
  const ring = createRing({ countMax: ringCountMax, bytesMax: ringBytesMax });
  const seedCountMax = Math.min(options.seedCountMax ?? ringCountMax, ringCountMax);
  return joinParts(bus, ring, { countMax: seedCountMax, bytesMax: ringBytesMax }, idleCheckMs);
}

/** The live feed from its parts, of any size. */
export function joinParts(bus: Bus, ring: WritableRing, seed: SeedLimits, idleCheckMs: number): LiveFeed {
  const history = new History(ring);
  const { appended } = history;
  const follower = new Follower({ bus, history, seed, idleCheckMs });
  const pages = createPageCache(bus, history, () => follower.readLog());

  const source: ReplaySource = {
    epoch: () => history.epoch,
    locate: (position, exact) => ring.locate(position, exact),
    before: (sequence) => ring.before(sequence),
    page: pages.page,
    info: pages.info,
    changes: () => appended.count,
    wait: (seen, signal) => appended.wait(seen, signal, idleCheckMs),
  };

  return {
    ring,
    bus,
    start: () => follower.start(),
    live: (signal) => follower.live(signal),
    onAppend: (listener) => appended.onWake(listener),
    locate(position) {
      const exact = !isTimePosition(position);
      return exact && position.ms < (history.epoch ?? 0) ? { reset: true } : ring.locate(position, exact);
    },
    replay(from, signal) {
      const signals = signal === undefined ? [follower.closing] : [signal, follower.closing];
      return replay({ source, from, signal: AbortSignal.any(signals) });
    },
    position: () => history.track?.position ?? BEGINNING,
    nowMs: () => follower.nowMs,
    status() {
      const { problem, received } = follower;
      const foreign = history.counters.foreign + follower.foreignMessages;
      return {
        connected: follower.connected,
        ...(problem === undefined ? {} : { problem }),
        epoch: history.epoch ?? 0,
        received,
        ...history.counters,
        foreign,
      };
    },
    close: () => follower.close(),
  };
}
