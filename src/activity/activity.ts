/** What an activity is about. `notice` is the system itself speaking: `livespan.dropped`, `livespan.instance_*`. */
export const KINDS = ['event', 'span.start', 'span.end', 'log', 'notice'] as const;
export type Kind = (typeof KINDS)[number];

/** Lowest first; each maps to the first OpenTelemetry severity number of its band: 1, 5, 9, 13, 17, 21. */
export const SEVERITIES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const SPAN_KINDS = ['internal', 'server', 'client', 'producer', 'consumer'] as const;
export type SpanKindName = (typeof SPAN_KINDS)[number];

export const STATUSES = ['unset', 'ok', 'error'] as const;
export type Status = (typeof STATUSES)[number];

export type AttributeValue = string | number | boolean | string[] | number[] | boolean[];
export type Attributes = Record<string, AttributeValue>;

/** One record on the live feed. Members stand in the order in which they are written. */
export interface Activity {
  /** UUIDv7, the same as `livespan.id` on the span event. */
  id: string;
  kind: Kind;
  /** Event name or span name: lowercase, dotted, no values in it. */
  name: string;
  /** ISO 8601 UTC with exactly 6 decimals: `2026-11-21T00:22:37.123456Z`. */
  time: string;
  severity: Severity;
  summary?: string;
  service?: string;
  instance?: string;
  callId?: string;
  /** 32 lowercase hex characters, not all zero. */
  traceId?: string;
  /** 16 lowercase hex characters, not all zero. */
  spanId?: string;
  parentSpanId?: string;
  /** `false` where the trace is not sampled, so that history will not have it; absent otherwise. */
  sampled?: false;
  spanKind?: SpanKindName;
  status?: Status;
  statusMessage?: string;
  /** Milliseconds with at most 3 decimals. */
  durationMs?: number;
  /** Name of the instrumentation scope. */
  scope?: string;
  eventCount?: number;
  droppedEvents?: number;
  attributes: Attributes;
}
