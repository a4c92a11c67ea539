import {
  type Activity,
  type Attributes,
  SEVERITIES,
  type Severity,
  SPAN_KINDS,
  STATUSES,
} from '../activity/activity.ts';
import { encodeActivity } from '../activity/codec.ts';
import { type FlattenOptions, flatten } from '../activity/flatten.ts';
import { cutText, fits } from '../activity/text.ts';
import { formatTimeUs } from '../activity/time.ts';
import type { EventRecord, LogRecord, RawAttributes, Source, SpanRecord } from './records.ts';
import type { RequestIds } from './request-ids.ts';

export interface MappingOptions {
  flatten: FlattenOptions;
  /** Keeps what livespan SDKs have put on the feed themselves. */
  keepLive: boolean;
  /** Wall clock in µs, for items that carry no time. */
  nowUs: () => number;
}

/** What became of one record: the JSON of its activities, in order, or why it is refused. */
export type Mapped = { activities: string[]; alreadyLive: number } | { refused: string };

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const NAME_BYTES_MAX = 1_024;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface Origin {
  service: string | undefined;
  instance: string | undefined;
  scope: string | undefined;
  isDirect: boolean;
}

/** Maps records to activities (contract: "span → its events, then span.end"; log record → `log`). Holds no state but a cache. */
export function createMapping(options: MappingOptions) {
  const origins = new WeakMap<Source, Origin>();

  function originOf(source: Source): Origin {
    const known = origins.get(source);
    if (known !== undefined) return known;
    const { resource } = source;
    const origin: Origin = {
      service: textOf(resource['service.name']),
      instance: textOf(resource['service.instance.id']),
      scope: textOf(source.scope),
      isDirect: resource['livespan.direct'] === true,
    };
    origins.set(source, origin);
    return origin;
  }

  function span(record: SpanRecord, source: Source, ids: RequestIds): Mapped {
    if (!TRACE_ID.test(record.traceId)) return { refused: 'trace_id is not 16 bytes, or all zero' };
    if (!SPAN_ID.test(record.spanId)) return { refused: 'span_id is not 8 bytes, or all zero' };
    const origin = originOf(source);
    if (!options.keepLive && (origin.isDirect || record.attributes['livespan.direct'] === true)) {
      return { activities: [], alreadyLive: 1 + record.events.length };
    }
    const activities: string[] = [];
    let alreadyLive = 0;
    const callId = textOf(record.attributes['call.id']);
    for (const event of record.events) {
      if (!options.keepLive && event.attributes['livespan.id'] !== undefined) alreadyLive++;
      else activities.push(encodeActivity(eventActivity(event, record, origin, callId, ids)));
    }
    activities.push(encodeActivity(spanEnd(record, origin, callId, ids)));
    return { activities, alreadyLive };
  }

  function eventActivity(
    event: EventRecord,
    record: SpanRecord,
    origin: Origin,
    spanCallId: string | undefined,
    ids: RequestIds,
  ): Activity {
    const { attributes } = event;
    const timeUs = event.timeUs || record.endUs || options.nowUs();
    const summary = textOf(attributes['event.summary']);
    const callId = textOf(attributes['call.id']) ?? spanCallId;
    return {
      id: idOf(attributes, timeUs, ids),
      kind: 'event',
      name: nameOf(event.name, 'event'),
      time: formatTimeUs(timeUs),
      severity: severityNamed(attributes['event.severity']) ?? (event.name === 'exception' ? 'error' : 'info'),
      ...(summary !== undefined && { summary }),
      ...(origin.service !== undefined && { service: origin.service }),
      ...(origin.instance !== undefined && { instance: origin.instance }),
      ...(callId !== undefined && { callId }),
      traceId: record.traceId,
      spanId: record.spanId,
      ...(origin.scope !== undefined && { scope: origin.scope }),
      attributes: flatten(attributes, options.flatten).attributes,
    };
  }

  function spanEnd(record: SpanRecord, origin: Origin, callId: string | undefined, ids: RequestIds): Activity {
    const timeUs = record.endUs || record.startUs || options.nowUs();
    const statusMessage = textOf(record.statusMessage);
    const status = STATUSES[record.statusCode] ?? 'unset';
    return {
      id: ids.next(timeUs),
      kind: 'span.end',
      name: nameOf(record.name, 'span'),
      time: formatTimeUs(timeUs),
      severity: status === 'error' ? 'error' : 'info',
      ...(origin.service !== undefined && { service: origin.service }),
      ...(origin.instance !== undefined && { instance: origin.instance }),
      ...(callId !== undefined && { callId }),
      traceId: record.traceId,
      spanId: record.spanId,
      ...(SPAN_ID.test(record.parentSpanId) && { parentSpanId: record.parentSpanId }),
      spanKind: SPAN_KINDS[record.kind - 1] ?? 'internal',
      status,
      ...(statusMessage !== undefined && { statusMessage }),
      durationMs: Math.max(0, timeUs - (record.startUs || timeUs)) / 1_000,
      ...(origin.scope !== undefined && { scope: origin.scope }),
      eventCount: record.events.length,
      droppedEvents: record.droppedEvents,
      attributes: withCounts(
        flatten(record.attributes, options.flatten).attributes,
        record.links,
        record.droppedAttributes,
      ),
    };
  }

  function log(record: LogRecord, source: Source, ids: RequestIds): Mapped {
    if (!options.keepLive && record.attributes['livespan.id'] !== undefined) return { activities: [], alreadyLive: 1 };
    const origin = originOf(source);
    const { attributes } = record;
    const timeUs = record.timeUs || record.observedUs || options.nowUs();
    const callId = textOf(attributes['call.id']);
    const summary = textOf(attributes['event.summary']) ?? bodyText(record.body);
    const data = isNested(record.body) ? { ...attributes, body: record.body } : attributes;
    const activity: Activity = {
      id: idOf(attributes, timeUs, ids),
      kind: 'log',
      name: nameOf(record.eventName || textOf(attributes['event.name']) || '', 'log'),
      time: formatTimeUs(timeUs),
      severity: severityNumbered(record.severityNumber) ?? severityNamed(record.severityText) ?? 'info',
      ...(summary !== undefined && { summary }),
      ...(origin.service !== undefined && { service: origin.service }),
      ...(origin.instance !== undefined && { instance: origin.instance }),
      ...(callId !== undefined && { callId }),
      ...(TRACE_ID.test(record.traceId) && { traceId: record.traceId }),
      ...(TRACE_ID.test(record.traceId) && SPAN_ID.test(record.spanId) && { spanId: record.spanId }),
      ...(origin.scope !== undefined && { scope: origin.scope }),
      attributes: withCounts(flatten(data, options.flatten).attributes, 0, record.droppedAttributes),
    };
    return { activities: [encodeActivity(activity)], alreadyLive: 0 };
  }

  function textOf(value: unknown): string | undefined {
    if (typeof value !== 'string' || value === '') return undefined;
    const { attributeBytesMax } = options.flatten.limits;
    if (fits(value, attributeBytesMax) && value.isWellFormed()) return value;
    options.flatten.counts.valueBytes++;
    return cutText(value, attributeBytesMax);
  }

  /** A text body is the sentence for people; a simple one is its text. */
  function bodyText(body: unknown): string | undefined {
    if (typeof body === 'number' || typeof body === 'boolean' || typeof body === 'bigint') return String(body);
    return textOf(body);
  }

  return { span, log };
}

/** Carried by what `emitEvent` made; it is kept only where such items are kept at all. */
function idOf(attributes: RawAttributes, timeUs: number, ids: RequestIds): string {
  const carried = attributes['livespan.id'];
  return typeof carried === 'string' && UUID_V7.test(carried) ? carried : ids.next(timeUs);
}

function nameOf(name: string, otherwise: string): string {
  if (name === '') return otherwise;
  return fits(name, NAME_BYTES_MAX) && name.isWellFormed() ? name : cutText(name, NAME_BYTES_MAX);
}

function isNested(body: unknown): boolean {
  return typeof body === 'object' && body !== null;
}

/** Counts that the record has no member for; our own keys, which no sender can set. */
function withCounts(attributes: Attributes, links: number, dropped: number): Attributes {
  if (links > 0) attributes['livespan.links'] = links;
  if (dropped > 0) attributes['livespan.dropped_attributes'] = dropped;
  return attributes;
}

/** Severity number of the logs data model: bands of four from 1 (`trace`) to 24 (`fatal`). */
function severityNumbered(number: number): Severity | undefined {
  return number >= 1 ? SEVERITIES[Math.min(5, (number - 1) >> 2)] : undefined;
}

const SEVERITY_NAMES: Readonly<Record<string, Severity>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  information: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  err: 'error',
  critical: 'fatal',
  fatal: 'fatal',
};

function severityNamed(text: unknown): Severity | undefined {
  return typeof text === 'string' && Object.hasOwn(SEVERITY_NAMES, text.toLowerCase())
    ? SEVERITY_NAMES[text.toLowerCase()]
    : undefined;
}
