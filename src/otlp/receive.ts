import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMapping, type Mapped, type MappingOptions } from './activity-mapping.ts';
import { readJsonMetrics } from './json-metrics.ts';
import { readJsonLogs, readJsonSpans } from './json-records.ts';
import { JsonShapeError } from './json-values.ts';
import { readProtobufLogs } from './protobuf-logs.ts';
import { readProtobufMetrics } from './protobuf-metrics.ts';
import { ProtobufError } from './protobuf-reader.ts';
import { readProtobufSpans } from './protobuf-traces.ts';
import type { MetricRecord, Sourced } from './records.ts';
import { createRequestIds } from './request-ids.ts';

export type Signal = 'traces' | 'logs' | 'metrics';
export type Encoding = 'protobuf' | 'json';

/** What a door answers; how it says so is its own. */
export type Received =
  /** All that is good has reached the log (or was there already). `rejected` items were bad; `message` says how. */
  | { outcome: 'accepted'; rejected: number; message?: string }
  /** The bytes are no such request; nothing was written. Never to be sent again. */
  | { outcome: 'bad_data'; message: string }
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
  /** Decoded request bytes held at a time by all requests; more is answered as overload. */
  heldBytesMax: number;
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
  overloads: number;
}

export interface Receiver {
  receive(signal: Signal, encoding: Encoding, bytes: Buffer): Promise<Received>;
  counts(): Readonly<ReceiverCounts>;
}

const CHUNK_COUNT = 128;
const IN_FLIGHT_MAX = 4;
/** Decoding gives the event loop back this often, so that live readers do not wait for a large request. */
const SLICE_MS = 8;
const RECORDS_A_LOOK = 32;
const RETRY_AFTER_MS = 1_000;

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
    overloads: 0,
  };
  let heldBytes = 0;

  async function receive(signal: Signal, encoding: Encoding, bytes: Buffer): Promise<Received> {
    counts.requests++;
    if (heldBytes > 0 && heldBytes + bytes.length > options.heldBytesMax) {
      return overload('too many requests are under way');
    }
    heldBytes += bytes.length;
    try {
      return await dispatch(signal, encoding, bytes);
    } catch (error) {
      if (!isBadData(error)) throw error;
      counts.badRequests++;
      return { outcome: 'bad_data', message: error.message };
    } finally {
      heldBytes -= bytes.length;
    }
  }

  function dispatch(signal: Signal, encoding: Encoding, bytes: Buffer): Promise<Received> {
    const body: unknown = encoding === 'json' ? parseJson(bytes) : undefined;
    if (signal === 'metrics')
      return receiveMetrics(encoding === 'json' ? readJsonMetrics(body) : readProtobufMetrics(bytes));
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    const ids = createRequestIds(digest);
    if (signal === 'logs') {
      const records = encoding === 'json' ? readJsonLogs(body) : readProtobufLogs(bytes);
      return receiveItems(digest, records, 'logs', ({ record, source }) => mapping.log(record, source, ids));
    }
    const records = encoding === 'json' ? readJsonSpans(body) : readProtobufSpans(bytes);
    return receiveItems(digest, records, 'spans', ({ record, source }) => mapping.span(record, source, ids));
  }

  /** Everything is decoded before anything is written, so that bad bytes leave nothing behind. */
  async function receiveItems<T>(
    digest: string,
    records: Iterable<Sourced<T>>,
    counted: 'spans' | 'logs',
    map: (item: Sourced<T>) => Mapped,
  ): Promise<Received> {
    const activities: string[] = [];
    let rejected = 0;
    let message: string | undefined;
    let items = 0;
    let alreadyLive = 0;
    await visitInSlices(records, (item) => {
      items++;
      const mapped = map(item);
      if ('refused' in mapped) {
        rejected++;
        message ??= mapped.refused;
      } else {
        alreadyLive += mapped.alreadyLive;
        for (const activity of mapped.activities) activities.push(activity);
      }
    });
    const failure = await append(digest, activities);
    if (failure !== undefined) return overload(failure);
    counts[counted] += items - rejected;
    counts.alreadyLive += alreadyLive;
    counts.rejected += rejected;
    return { outcome: 'accepted', rejected, ...(message !== undefined && { message }) };
  }

  /** Chunk after chunk, a few in flight; the first failure stops the rest. Answers what failed. */
  async function append(digest: string, activities: readonly string[]): Promise<string | undefined> {
    let failure: string | undefined;
    const inFlight = new Set<Promise<void>>();
    for (
      let start = 0, ordinal = 0;
      start < activities.length && failure === undefined;
      start += CHUNK_COUNT, ordinal++
    ) {
      const chunk = activities.slice(start, start + CHUNK_COUNT);
      const sent = options
        .publish({ activities: chunk, digest: digest + ordinal.toString(16).padStart(8, '0') })
        .then((published) => {
          if (published === 'appended') counts.activities += chunk.length;
          else if (published === 'duplicate') counts.duplicateChunks++;
          else failure ??= published.failed;
        })
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      if (inFlight.size >= IN_FLIGHT_MAX) await Promise.race(inFlight);
    }
    await Promise.all(inFlight);
    return failure;
  }

  async function receiveMetrics(records: Iterable<Sourced<MetricRecord>>): Promise<Received> {
    const metrics: Sourced<MetricRecord>[] = [];
    let points = 0;
    await visitInSlices(records, (item) => {
      metrics.push(item);
      points += item.record.points.length;
    });
    counts.metricPoints += points;
    const { rejected, message } = await (options.onMetrics ?? refuseMetrics)(metrics);
    counts.rejected += rejected;
    return { outcome: 'accepted', rejected, ...(message !== undefined && { message }) };
  }

  function overload(message: string): Received {
    counts.overloads++;
    return { outcome: 'overload', message, retryAfterMs: RETRY_AFTER_MS };
  }

  return { receive, counts: () => counts };
}

/** Without a hook nobody keeps metrics, and the sender is told how many points were left. */
const refuseMetrics: MetricsHook = async (metrics) => {
  const rejected = metrics.reduce((sum, { record }) => sum + record.points.length, 0);
  return rejected === 0
    ? { rejected }
    : { rejected, message: 'this server does not keep metrics; points were counted and left' };
};

async function visitInSlices<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  let sliceStart = performance.now();
  let count = 0;
  for (const item of items) {
    visit(item);
    if (++count % RECORDS_A_LOOK === 0 && performance.now() - sliceStart > SLICE_MS) {
      await nextTurn();
      sliceStart = performance.now();
    }
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new JsonShapeError('body', 'JSON');
  }
}

function isBadData(error: unknown): error is ProtobufError | JsonShapeError {
  return error instanceof ProtobufError || error instanceof JsonShapeError;
}
