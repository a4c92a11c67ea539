import type { Position } from '../activity/cursor.ts';
import type { LivespanError } from '../errors.ts';

/**
 * The append-only log with a live tail. Its law:
 * - append and publish are ONE atomic step, and positions are dense: entry after entry `n` grows by exactly 1;
 * - `ms` (log time, milliseconds) never goes back; a recreated log has a greater epoch than any `ms` of the old one;
 * - a numbered batch is applied once, however often it is sent, and in its producer's order;
 * - whoever subscribes sees every entry appended after `subscribe` resolved, while the connection is up; what it misses
 *   in between can be read back with `range` until it is trimmed.
 *
 * No method throws for what the log does; `append` answers with an outcome, the others reject with a LivespanError
 * (`log_unavailable`, `log_full`, `log_refused`, `timeout`, `closed`).
 */
export interface Bus {
  /** For people: `redis 7.0.15 at 127.0.0.1:6379`, `memory`. Never holds credentials. */
  readonly description: string;
  readonly limits: LogLimits;
  /**
   * Resolves when the log is reached and checked; rejects with the reason of the first try that failed (the bus keeps
   * trying by itself all the same, with back-off). Until then every other call fails fast with `log_unavailable`.
   */
  ready(signal?: AbortSignal): Promise<void>;
  status(): BusStatus;
  append(request: AppendRequest): Promise<AppendResult>;
  /** Entries in log order (or newest first), at most `limit` EXAMINED entries a call. */
  range(query: RangeQuery): Promise<RangePage>;
  /** Resolves once the subscription is live. After a lost connection it comes back by itself and says so. */
  subscribe(listener: BusListener): Promise<BusSubscription>;
  /** One consistent look at the log. With `probe`, says whether exactly that entry is still there. */
  info(probe?: Position): Promise<BusInfo>;
  /**
   * One turn of the watch over instances: in one step, forgets those silent for `silentMs` and appends
   * `livespan.instance_lost` for each. Judges nobody before `silentMs` of unbroken watching (turns less than
   * `silentMs / 2` apart, by log time, whichever process made them).
   */
  sweepInstances(silentMs: number): Promise<SweepResult>;
  /** Stops everything; may be called twice. Calls under way reject or answer `closed`. */
  close(): Promise<void>;
}

/** What the log lets go of, oldest first. */
export interface LogLimits {
  /** Entries kept: in memory at most so many; on Redis at least so many, and each of its writers brings its own number. */
  readonly countMax: number;
  /** UTF-8 bytes of the entries' JSON kept, where they are bounded. */
  readonly bytesMax?: number;
  /** Age at which entries may go, ms; 0 is never. */
  readonly ageMaxMs: number;
}

/** How one batch arrives. At most 128 activities; an empty list with `instance` is a bare sign of life. */
export interface AppendRequest {
  /** Each the JSON of one activity, without `cursor`. */
  activities: readonly string[];
  /** Numbered batch: `batch` counts 1, 2, 3 … a producer, `acked` is the highest number known to be applied. */
  producer?: { id: string; batch: number; acked: number };
  /** Hex digest of an OTLP chunk: a second append with the same digest within 10 minutes is a duplicate. */
  digest?: string;
  /** The producer's own instance; `service` names it in the notices the log writes about it. */
  instance?: { name: string; service?: string; sign: 'started' | 'alive' | 'stopped' };
  signal?: AbortSignal;
}

export type AppendResult =
  /** `first` and `last` are absent where there was nothing to append. `unpublished`: entries logged that PUBLISH refused. */
  | { outcome: 'appended'; first?: Position; last?: Position; unpublished: number }
  /** Written before; nothing was written now. Positions where the log still knows them. */
  | { outcome: 'duplicate'; first?: Position; last?: Position }
  /** Nothing was written: the next number the log takes from this producer is `last + 1`. */
  | { outcome: 'out_of_order'; last: number }
  /** `applied: 'no'`: surely nothing was written. `'unknown'`: the answer was lost; resend the same number. */
  | { outcome: 'failed'; error: LivespanError; applied: 'no' | 'unknown' };

export interface BusEntry {
  position: Position;
  /** The activity's JSON as it stands in the log, without `cursor`. Not yet checked. */
  json: string;
}

export interface RangeQuery {
  /** Exclusive lower bound (`desc`: lower bound too). */
  after?: Position;
  /** Inclusive lower bound. */
  from?: Position;
  /** Inclusive upper bound. */
  to?: Position;
  /** Exclusive upper bound. */
  before?: Position;
  /** 1 to 1,000. */
  limit: number;
  order?: 'asc' | 'desc';
  signal?: AbortSignal;
}

export interface RangePage {
  entries: BusEntry[];
  /** Foreign entries (no `activity` field) among those examined. */
  skipped: number;
  /** Where the next page goes on (exclusive), absent when the range is exhausted. */
  next?: Position;
}

export interface BusListener {
  /** In log order on one connection. `json` has no `cursor`. */
  onEntry(entry: BusEntry): void;
  /** Called with `false` when live delivery is interrupted, with `true` when it is live again (entries between may be missed). */
  onConnected(connected: boolean, error?: LivespanError): void;
  /** A message on the channel that is not ours (foreign publisher, broken JSON head). */
  onForeign?(): void;
}

export interface BusSubscription {
  close(): Promise<void>;
}

export interface BusInfo {
  /** Log time (ms) at which the log was created. */
  epoch: number;
  /** Position of the newest entry ever appended; `n` 0 at `epoch` when nothing was. */
  last: Position;
  /** Oldest retained entry. */
  first?: Position;
  /** Entries retained. */
  length: number;
  /** UTF-8 bytes of their JSON, where the log counts them. */
  bytes?: number;
  /** Whether the probed entry is in the log. */
  probe?: 'present' | 'absent';
  /** The log's own clock, ms. */
  timeMs: number;
  /** Registered instances. */
  instances: number;
}

export interface BusStatus {
  connected: boolean;
  /** Why not, when not. When connected: why the log, which is full or refuses us, took none of the newest appends. */
  problem?: LivespanError;
  /** Sentences for the operator, e.g. an evicting `maxmemory-policy`. */
  warnings: readonly string[];
}

export interface SweepResult {
  lost: string[];
}
