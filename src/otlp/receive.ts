import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMapping, DONE, type Gathered, type MappingOptions } from './activity-mapping.ts';
import { readJsonMetrics } from './json-metrics.ts';
import { readJsonLogs, readJsonSpans } from './json-records.ts';
import { parseInSteps } from './json-steps.ts';
import { JsonShapeError } from './json-values.ts';
import { readProtobufLogs } from './protobuf-logs.ts';
import { readProtobufMetrics } from './protobuf-metrics.ts';
import { ProtobufError } from './protobuf-reader.ts';
import { readProtobufSpans } from './protobuf-traces.ts';
import type { LogRecord, MetricRecord, Sourced, SpanRecord } from './records.ts';
import { createRequestIds, type RequestIds } from './request-ids.ts';

export type Signal = 'traces' | 'logs' | 'metrics';
export type Encoding = 'protobuf' | 'json';

/** What a door answers; how it says so is its own. */
export type Received =
  /** All that is good has reached the log (or was there already). `rejected` items were bad; `message` says how. */
  | { outcome: 'accepted'; rejected: number; message?: string }
  /** The bytes are no such request; nothing was written. Never to be sent again. */
  | { outcome: 'bad_data'; message: string }
  /** More than one request may hold; nothing was written. The sender has to make smaller ones. */
  | { outcome: 'too_large'; message: string }
  /** The log cannot take it now; the sender sends the same again, and what is in the log already is not added twice. */
  | { outcome: 'overload'; message: string; retryAfterMs: number };

/** One step of the log: all of it or nothing. The same digest is applied once. */
export interface Chunk {
  activities: readonly string[];
  digest: string;
}
export type Published = 'appended' | 'duplicate' | { failed: string };

/** Accepted items, or why metrics are refused; the hook may keep what it is given. */
export type MetricsHook = (
  metrics: readonly Sourced<MetricRecord>[],
) => Promise<{ rejected: number; message?: string }>;

export interface ReceiverOptions extends MappingOptions {
  publish: (chunk: Chunk) => Promise<Published>;
  onMetrics?: MetricsHook;
  /** Bytes held at a time by all requests, as they come and decompressed; more is answered as overload. */
  heldBytesMax: number;
  /** Bytes of JSON that the items of one request may become. */
  madeBytesMax: number;
}

export interface ReceiverCounts {
  requests: number;
  spans: number;
  logs: number;
  metricPoints: number;
  activities: number;
  alreadyLive: number;
  duplicateChunks: number;
  rejected: number;
  badRequests: number;
  /** Requests that were larger than a request may be. */
  tooLarge: number;
  overloads: number;
  /** Requests that a door did not let in, by error code. */
  refused: Partial<Record<string, number>>;
}

export interface Receiver {
  /** Counts bytes that a door holds before it has the whole request; false where all requests hold too much already. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
  /** Counted, and said to the sender. */
  overload(message: string): Received;
  /** Counts a request that a door did not let in. */
  countRefused(code: string): void;
  receive(signal: Signal, encoding: Encoding, bytes: Buffer): Promise<Received>;
  counts(): Readonly<ReceiverCounts>;
}

const CHUNK_COUNT = 128;
/** Redis serves nobody else while it takes a chunk. */
const CHUNK_CHARS = 262_144;
const IN_FLIGHT_MAX = 4;
const SLICE_MS = 2;
const ITEMS_A_LOOK = 16;
const RETRY_AFTER_MS = 1_000;
/** What an overload is told as while the log is not the reason. */
export const TOO_MANY = 'too many requests are under way';

export function createReceiver(options: ReceiverOptions): Receiver {
  const mapping = createMapping(options);
  const counts: ReceiverCounts = {
    requests: 0,
    spans: 0,
    logs: 0,
    metricPoints: 0,
    activities: 0,
    alreadyLive: 0,
    duplicateChunks: 0,
    rejected: 0,
    badRequests: 0,
    tooLarge: 0,
    overloads: 0,
    refused: {},
  };
  let heldBytes = 0;

  async function receive(signal: Signal, encoding: Encoding, bytes: Buffer): Promise<Received> {
    counts.requests++;
    if (!hold(bytes.length)) return overload(TOO_MANY);
    try {
      return await dispatch(signal, encoding, bytes);
    } catch (error) {
      if (error instanceof TooLargeError) {
        counts.tooLarge++;
        return { outcome: 'too_large', message: error.message };
      }
      if (!isBadData(error)) throw error;
      counts.badRequests++;
      return { outcome: 'bad_data', message: error.message };
    } finally {
      release(bytes.length);
    }
  }

  /** One request alone may be of any size that the doors let in. */
  function hold(bytes: number): boolean {
    if (heldBytes > 0 && heldBytes + bytes > options.heldBytesMax) return false;
    heldBytes += bytes;
    return true;
  }

  function release(bytes: number): void {
    heldBytes -= bytes;
  }

  async function dispatch(signal: Signal, encoding: Encoding, bytes: Buffer): Promise<Received> {
    const pace = createPace();
    const body: unknown = encoding === 'json' ? await parseJson(bytes, pace) : undefined;
    if (signal === 'metrics') {
      return receiveMetrics(encoding === 'json' ? readJsonMetrics(body) : readProtobufMetrics(bytes), pace);
    }
    const digest = hash('sha256', bytes).slice(0, 32);
    const ids = createRequestIds(digest);
    const into: Gathered = { activities: [], bytes: 0, rejected: 0, message: undefined, alreadyLive: 0 };
    const items =
      signal === 'logs'
        ? await gatherLogs(encoding === 'json' ? readJsonLogs(body) : readProtobufLogs(bytes), ids, into, pace)
        : await gatherSpans(encoding === 'json' ? readJsonSpans(body) : readProtobufSpans(bytes), ids, into, pace);
    // Everything is decoded before anything is written, so that bad bytes leave nothing behind.
    const failure = await append(digest, into.activities, pace);
    if (failure !== undefined) return overload(failure);
    const { rejected, message, alreadyLive } = into;
    counts[signal === 'logs' ? 'logs' : 'spans'] += items - rejected;
    counts.alreadyLive += alreadyLive;
    counts.rejected += rejected;
    return { outcome: 'accepted', rejected, ...(message !== undefined && { message }) };
  }

  async function gatherSpans(
    records: Iterable<Sourced<SpanRecord>>,
    ids: RequestIds,
    into: Gathered,
    pace: Pace,
  ): Promise<number> {
    let items = 0;
    for (const { record, source } of records) {
      items++;
      for (let next = 0; next !== DONE; ) {
        next = mapping.span(record, source, ids, into, next);
        if (pace.isDue(1 + record.events.length)) await pace.pause();
        checkSize(into);
      }
    }
    return items;
  }

  async function gatherLogs(
    records: Iterable<Sourced<LogRecord>>,
    ids: RequestIds,
    into: Gathered,
    pace: Pace,
  ): Promise<number> {
    let items = 0;
    for (const { record, source } of records) {
      items++;
      mapping.log(record, source, ids, into);
      if (pace.isDue(1)) await pace.pause();
      checkSize(into);
    }
    return items;
  }

  /** Two bytes can be a log record, which is hundreds on the feed: what a request makes is bounded as well. */
  function checkSize({ bytes }: Gathered): void {
    if (bytes > options.madeBytesMax) throw new TooLargeError(options.madeBytesMax);
  }

  /** Chunk after chunk, a few in flight; the first failure stops the rest. Answers what failed. */
  async function append(digest: string, activities: readonly string[], pace: Pace): Promise<string | undefined> {
    let failure: string | undefined;
    let ordinal = 0;
    const inFlight = new Set<Promise<void>>();
    for (const chunk of chunksOf(activities)) {
      const sent = options
        .publish({ activities: chunk, digest: digest + (ordinal++).toString(16).padStart(8, '0') })
        .then((published) => {
          if (published === 'appended') counts.activities += chunk.length;
          else if (published === 'duplicate') counts.duplicateChunks++;
          else failure ??= published.failed;
        })
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      if (inFlight.size >= IN_FLIGHT_MAX) await Promise.race(inFlight);
      // A log in this very process answers without any I/O between.
      if (pace.isDue(chunk.length)) await pace.pause();
      if (failure !== undefined) break;
    }
    await Promise.all(inFlight);
    return failure;
  }

  async function receiveMetrics(records: Iterable<Sourced<MetricRecord>>, pace: Pace): Promise<Received> {
    const metrics: Sourced<MetricRecord>[] = [];
    let points = 0;
    for (const item of records) {
      metrics.push(item);
      points += item.record.points.length;
      if (pace.isDue(1 + item.record.points.length)) await pace.pause();
    }
    counts.metricPoints += points;
    const { rejected, message } = await (options.onMetrics ?? refuseMetrics)(metrics);
    counts.rejected += rejected;
    return { outcome: 'accepted', rejected, ...(message !== undefined && { message }) };
  }

  function overload(message: string): Received {
    counts.overloads++;
    return { outcome: 'overload', message, retryAfterMs: RETRY_AFTER_MS };
  }

  function countRefused(code: string): void {
    counts.refused[code] = (counts.refused[code] ?? 0) + 1;
  }

  return { receive, hold, release, overload, countRefused, counts: () => counts };
}

/** Without a hook nobody keeps metrics, and the sender is told how many points were left. */
const refuseMetrics: MetricsHook = async (metrics) => {
  const rejected = metrics.reduce((sum, { record }) => sum + record.points.length, 0);
  return rejected === 0
    ? { rejected }
    : { rejected, message: 'this server does not keep metrics; points were counted and left' };
};

/** The same bytes give the same chunks: a chunk is full at so many activities, or at so much text. */
function* chunksOf(activities: readonly string[]): Generator<string[]> {
  let start = 0;
  let chars = 0;
  for (const [index, activity] of activities.entries()) {
    const isFull = index - start === CHUNK_COUNT || chars + activity.length > CHUNK_CHARS;
    if (isFull && index > start) {
      yield activities.slice(start, index);
      start = index;
      chars = 0;
    }
    chars += activity.length;
  }
  if (start < activities.length) yield activities.slice(start);
}

/** Gives the event loop back every few milliseconds, so that live readers do not wait for a large request. */
interface Pace {
  /** Whether it is time; `weight` says how much was done since the last question. The clock is not read each time. */
  isDue(weight: number): boolean;
  pause(): Promise<void>;
}

function createPace(): Pace {
  let sliceStartMs = performance.now();
  let weight = 0;
  return {
    isDue(more) {
      weight += more;
      if (weight < ITEMS_A_LOOK) return false;
      weight = 0;
      return performance.now() - sliceStartMs > SLICE_MS;
    },
    async pause() {
      await nextTurn();
      sliceStartMs = performance.now();
    },
  };
}

async function parseJson(bytes: Buffer, pace: Pace): Promise<unknown> {
  const steps = parseInSteps(bytes.toString('utf8'));
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (pace.isDue(1)) await pace.pause();
  }
}

function isBadData(error: unknown): error is ProtobufError | JsonShapeError {
  return error instanceof ProtobufError || error instanceof JsonShapeError;
}

class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  constructor(bytesMax: number) {
    super(`The items of this request are more than ${bytesMax} bytes on the feed; send fewer at a time`);
  }
}
