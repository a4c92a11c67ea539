import type { Activity } from '../activity/activity.ts';
import type { FlattenOptions } from '../activity/flatten.ts';
import { formatTimeUs } from '../activity/time.ts';
import type { PendingRecord } from './pending-activity.ts';

/**
 * Why an activity did not reach the log.
 * - `queue_full`: the ring was at its bound (count or bytes); the oldest goes
 * - `too_large`: its JSON is larger than `activityBytesMax`
 * - `invalid`: it cannot be written as an activity (given to `publish` by hand)
 * - `rejected`: the server or the log refused this one for good
 * - `unconfirmed`: sent, but unanswered when `close()` ended; it may have arrived
 * - `closed`: never sent when `close()` ended, or emitted after it
 */
export const DROP_REASONS = ['queue_full', 'too_large', 'invalid', 'rejected', 'unconfirmed', 'closed'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Activities of the application, not our own notices. `emitted = published + queued + Σ dropped`, at every moment. */
export interface PublisherStats {
  emitted: number;
  /** Confirmed by the log or the server. */
  published: number;
  /** In the ring or in flight. */
  queued: number;
  dropped: Record<DropReason, number>;
}

/** What `publish` takes: an activity, of which only the name has no default (id and time are those of the call). */
export type NewActivity = Pick<Activity, 'name'> & Partial<Activity>;

/** Where activities go on their way to the log. No method throws, blocks or keeps the process alive. */
export interface Publisher {
  /** Takes one finished activity; it is redacted and cut to the limits like any other. */
  publish(activity: NewActivity): void;
  /** Resolves when what was emitted before is confirmed or dropped, or after `closeTimeoutMs`. Never rejects. */
  flush(): Promise<void>;
  /** Flushes, says goodbye to the log and closes; may be called twice. Never rejects. */
  close(): Promise<void>;
  stats(): PublisherStats;
}

/** What `emitEvent` writes on the OpenTelemetry side. */
export type EventSink = 'span' | 'log' | 'both';

/** The door for the rooms of this package: no JSON, no second snapshot. */
export interface PendingPublisher extends Publisher {
  /** The caller has flattened and redacted already, with `flattening`. */
  enqueue(pending: PendingRecord): void;
  /** Limits, redactor and counters of cuts for `flatten`. */
  readonly flattening: FlattenOptions;
  readonly events: EventSink;
  /** Name under which activities of this publisher run, `service.instance.id`. */
  readonly instance: string;
  readonly service: string | undefined;
}

/** Every option also as environment variable, `LIVESPAN_…`; see the option table for defaults and limits. */
export interface PublisherOptions {
  /** Where the log is: `redis://…`, `http(s)://…` (a livespan server) or `memory:`. Default `http://127.0.0.1:4319`. */
  url?: string;
  feed?: string;
  /** Bearer token for a livespan server. */
  token?: string;
  /** `service.name`; by default from `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES`. */
  service?: string;
  /** `service.instance.id`; by default `host:pid-xxxx`. */
  instance?: string;
  /**
   * Take part in the watch over instances: say `livespan.instance_started`, give a sign of life every 10 s and
   * `livespan.instance_stopped` at `close()`. Default: where `instance` is given, and never in a worker thread.
   */
  register?: boolean;
  queueCountMax?: number;
  queueBytesMax?: number;
  flushDelayMs?: number;
  closeTimeoutMs?: number;
  attributesMax?: number;
  attributeBytesMax?: number;
  activityBytesMax?: number;
  /** Further attribute keys to redact (globs). */
  redact?: readonly string[];
  events?: EventSink;
  logCountMax?: number;
  logAgeMaxMs?: number;
}

/** Whether `publisher` has the inner door (structural: it may come from another copy of this package). */
export function isPendingPublisher(publisher: Publisher): publisher is PendingPublisher {
  const { enqueue, flattening } = publisher as Partial<PendingPublisher>;
  return typeof enqueue === 'function' && typeof flattening === 'object';
}

/** For publishers that have no inner door: they take an activity as it is written down, without empty members. */
export function toNewActivity({ timeUs, sizeBytes: _, ...rest }: PendingRecord): NewActivity {
  const members = Object.entries({ ...rest, time: formatTimeUs(timeUs) }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members) as unknown as NewActivity;
}
