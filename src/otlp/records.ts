/**
 * What both encodings are read into, and what the mapping reads: one flat object a span or log record. Attributes are
 * plain values (texts, numbers, booleans, arrays, nested objects, Buffers), not yet flattened, limited or redacted.
 */
export type RawAttributes = Record<string, unknown>;

/** Resource and scope that a run of records shares; mapped once, not per record. */
export interface Source {
  resource: RawAttributes;
  scope: string;
}

export interface EventRecord {
  timeUs: number;
  name: string;
  attributes: RawAttributes;
  droppedAttributes: number;
}

export interface SpanRecord {
  /** Hex as it came, any length; checked by the mapping. */
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  /** SpanKind of trace.proto: 0 unspecified to 5 consumer. */
  kind: number;
  startUs: number;
  endUs: number;
  attributes: RawAttributes;
  events: EventRecord[];
  droppedAttributes: number;
  droppedEvents: number;
  /** Events that came but were too many to read. */
  unreadEvents: number;
  links: number;
  droppedLinks: number;
  /** Status code of trace.proto: 0 unset, 1 ok, 2 error. */
  statusCode: number;
  statusMessage: string;
}

export interface LogRecord {
  timeUs: number;
  observedUs: number;
  severityNumber: number;
  severityText: string;
  body: unknown;
  attributes: RawAttributes;
  droppedAttributes: number;
  traceId: string;
  spanId: string;
  eventName: string;
}

export interface MetricHistogram {
  count: number;
  sum?: number;
  /** Upper bounds; one fewer than `counts`. Both empty where only count and sum are known. */
  bounds: number[];
  counts: number[];
  min?: number;
  max?: number;
}

export interface MetricPoint {
  attributes: RawAttributes;
  startUs: number;
  timeUs: number;
  value?: number | bigint;
  histogram?: MetricHistogram;
}

export interface MetricRecord {
  name: string;
  description: string;
  unit: string;
  type: 'gauge' | 'sum' | 'histogram' | 'exponential_histogram' | 'summary';
  monotonic: boolean;
  /** AggregationTemporality: 0 unspecified, 1 delta, 2 cumulative. */
  temporality: number;
  points: MetricPoint[];
}

/** A record with what it shares; `source` is the same object for all records of one scope. */
export interface Sourced<T> {
  source: Source;
  record: T;
}

/** Events of a span that are read; the others are counted as dropped. An SDK keeps 128. */
export const EVENTS_MAX = 16_384;

/** Own members only, also for `__proto__`, which a foreign sender may name. */
export function setRaw(target: RawAttributes, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
