import { type Kind, SEVERITIES, type Severity, SPAN_KINDS, STATUSES } from '../activity/activity.ts';
import { type FlattenOptions, flatten } from '../activity/flatten.ts';
import { cutText, fits } from '../activity/text.ts';
import { formatTimeUs } from '../activity/time.ts';
import { inOnePiece, keeping, textMember } from './json-text.ts';
import type { EventRecord, LogRecord, RawAttributes, Source, SpanRecord } from './records.ts';
import type { RequestIds } from './request-ids.ts';

export interface MappingOptions {
  flatten: FlattenOptions;
  /** Keeps what livespan SDKs have put on the feed themselves. */
  keepLive: boolean;
  /** Wall clock in µs, for items that carry no time. */
  nowUs: () => number;
}

/** Where the activities of one request gather, in order, and what became of its items. */
export interface Gathered {
  activities: string[];
  /** Bytes of their JSON; characters as long as it is little. */
  bytes: number;
  /** Spans or log records refused, and why the first of them was. */
  rejected: number;
  message: string | undefined;
  alreadyLive: number;
}

const NAME_BYTES_MAX = 1_024;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** A span with more events is mapped in several steps. */
const EVENTS_A_STEP = 128;
const MEASURED_FROM_BYTES = 524_288;
/** Counts are uint32 in OTLP; nobody has to keep to that. */
const COUNT_MAX = 0xffff_ffff;
/** What `span` answers when the span is done. */
export const DONE = -1;

/** What all records of one scope share, as text that stands in their JSON. */
interface Origin {
  /** `,"service":…,"instance":…` */
  names: string;
  /** The same after the time and the severity of a span; then what a span without call id goes on with. */
  afterTime: { info: string; error: string };
  untilTrace: { info: string; error: string };
  /** `,"scope":…` */
  scope: string;
  /** `,"scope":…` and what follows for a span without events, up to its attributes. */
  eventless: string;
  isDirect: boolean;
}

/**
 * Maps records to activities (contract: "span → its events, then span.end"; log record → `log`), straight to their JSON:
 * member by member in the order of `encodeActivity`, which is dearer than all the rest. Holds no state but a cache.
 */
export function createMapping(options: MappingOptions) {
  // What a reader has read is nobody else's.
  const flattening: FlattenOptions = { ...options.flatten, isOwned: true };
  const origins = new WeakMap<Source, Origin>();

  function originOf(source: Source): Origin {
    const known = origins.get(source);
    if (known !== undefined) return known;
    const { resource } = source;
    const service = textMember('service', textOf(resource['service.name']));
    const names = inOnePiece(service + textMember('instance', textOf(resource['service.instance.id'])));
    const scope = inOnePiece(textMember('scope', textOf(source.scope)));
    const afterTime = { info: `","severity":"info"${names}`, error: `","severity":"error"${names}` };
    const origin: Origin = {
      names,
      afterTime,
      untilTrace: {
        info: inOnePiece(afterTime.info + TRACE_HEAD),
        error: inOnePiece(afterTime.error + TRACE_HEAD),
      },
      scope,
      eventless: inOnePiece(`${scope},"eventCount":0,"droppedEvents":0,"attributes":`),
      isDirect: resource['livespan.direct'] === true,
    };
    origins.set(source, origin);
    return origin;
  }

  function put(into: Gathered, json: string): void {
    // Made one piece at once: as long as a request is being read its activities would be trees of pieces otherwise, all of
    // which the collector has to copy.
    into.bytes += into.bytes < MEASURED_FROM_BYTES ? json.length : Buffer.byteLength(json);
    into.activities.push(inOnePiece(json));
  }

  /** Maps a step's worth of events from `eventIndex` on. Answers where to go on, or `DONE`. */
  function span(record: SpanRecord, source: Source, ids: RequestIds, into: Gathered, eventIndex = 0): number {
    const refusal = refusalOf(record);
    if (refusal !== undefined) {
      into.rejected++;
      into.message ??= refusal;
      return DONE;
    }
    const { attributes, events } = record;
    const origin = originOf(source);
    if (!options.keepLive && (origin.isDirect || attributes['livespan.direct'] === true)) {
      into.alreadyLive += 1 + events.length;
      return DONE;
    }
    const callId = textOf(attributes['call.id']);
    let index = eventIndex;
    for (; index < events.length; index++) {
      if (index === eventIndex + EVENTS_A_STEP) return index;
      const event = events[index] as EventRecord;
      if (!options.keepLive && event.attributes['livespan.id'] !== undefined) into.alreadyLive++;
      else put(into, eventJson(event, record, origin, callId, ids));
    }
    put(into, spanEndJson(record, origin, callId, ids));
    return DONE;
  }

  function eventJson(
    event: EventRecord,
    record: SpanRecord,
    origin: Origin,
    spanCallId: string | undefined,
    ids: RequestIds,
  ): string {
    const { attributes } = event;
    const timeUs = event.timeUs || record.endUs || options.nowUs();
    const severity = severityNamed(attributes['event.severity']) ?? (event.name === 'exception' ? 'error' : 'info');
    return (
      `{"id":"${idOf(attributes, timeUs, ids)}${EVENT_HEAD(event.name)}${formatTimeUs(timeUs)}","severity":"${severity}"${textMember('summary', textOf(attributes['event.summary']))}` +
      `${origin.names}${textMember('callId', textOf(attributes['call.id']) ?? spanCallId)}` +
      `,"traceId":"${record.traceId}","spanId":"${record.spanId}"${origin.scope}` +
      `,"attributes":${attributesJson(attributes, event.droppedAttributes)}}`
    );
  }

  function spanEndJson(record: SpanRecord, origin: Origin, callId: string | undefined, ids: RequestIds): string {
    const timeUs = record.endUs || record.startUs || options.nowUs();
    const parent = isSpanId(record.parentSpanId) ? `","parentSpanId":"${record.parentSpanId}` : '';
    const durationUs = Math.max(0, timeUs - (record.startUs || timeUs));
    const severity = record.statusCode === 2 ? 'error' : 'info';
    const untilTrace =
      callId === undefined
        ? origin.untilTrace[severity]
        : origin.afterTime[severity] + textMember('callId', callId) + TRACE_HEAD;
    // The fewer pieces, the cheaper: what repeats is put together once.
    return (
      `{"id":"${ids.next(timeUs)}${SPAN_HEAD(record.name)}${formatTimeUs(timeUs)}${untilTrace}${record.traceId}` +
      `","spanId":"${record.spanId}${parent}${untilDuration(record)}${msText(durationUs)}` +
      `${afterDuration(record, origin)}${attributesJson(record.attributes, record.droppedAttributes, record.links, record.droppedLinks)}}`
    );
  }

  function untilDuration(record: SpanRecord): string {
    const row = KIND_AND_STATUS[record.kind] ?? KIND_AND_STATUS[0];
    const cell = row?.[record.statusCode] ?? row?.[0] ?? { plain: '', untilDuration: '' };
    if (record.statusMessage === '') return cell.untilDuration;
    return cell.plain + textMember('statusMessage', textOf(record.statusMessage)) + DURATION_HEAD;
  }

  function log(record: LogRecord, source: Source, ids: RequestIds, into: Gathered): void {
    const { attributes, body } = record;
    if (!options.keepLive && attributes['livespan.id'] !== undefined) {
      into.alreadyLive++;
      return;
    }
    const origin = originOf(source);
    const timeUs = record.timeUs || record.observedUs || options.nowUs();
    const name = record.eventName || textOf(attributes['event.name']) || '';
    const severity = severityNumbered(record.severityNumber) ?? severityNamed(record.severityText) ?? 'info';
    const hasTrace = isTraceId(record.traceId);
    const trace = hasTrace ? `,"traceId":"${record.traceId}"` : '';
    const spanId = hasTrace && isSpanId(record.spanId) ? `,"spanId":"${record.spanId}"` : '';
    const data = isNested(body) ? { ...attributes, body } : attributes;
    put(
      into,
      `{"id":"${idOf(attributes, timeUs, ids)}${LOG_HEAD(name)}${formatTimeUs(timeUs)}","severity":"${severity}"` +
        `${textMember('summary', textOf(attributes['event.summary']) ?? bodyText(body))}${origin.names}` +
        `${textMember('callId', textOf(attributes['call.id']))}${trace}${spanId}${origin.scope}` +
        `,"attributes":${attributesJson(data, record.droppedAttributes)}}`,
    );
  }

  /** Counts that the record has no member for are attributes of our own, which no sender can set. */
  function attributesJson(raw: RawAttributes, dropped: number, links = 0, droppedLinks = 0): string {
    const { attributes } = flatten(raw, flattening);
    if (links > 0) attributes['livespan.links'] = links;
    if (droppedLinks > 0) attributes['livespan.dropped_links'] = Math.min(COUNT_MAX, droppedLinks);
    if (dropped > 0) attributes['livespan.dropped_attributes'] = Math.min(COUNT_MAX, dropped);
    return JSON.stringify(attributes);
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

const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

const ZERO = 0x30;

/** The readers give lowercase hex, of any length. One character mostly tells, and is cheaper than a comparison. */
function isTraceId(id: string): boolean {
  return id.length === 32 && (id.charCodeAt(0) !== ZERO || id !== NO_TRACE);
}

function isSpanId(id: string): boolean {
  return id.length === 16 && (id.charCodeAt(0) !== ZERO || id !== NO_SPAN);
}

function refusalOf({ traceId, spanId }: SpanRecord): string | undefined {
  if (!isTraceId(traceId)) return 'trace_id is not 16 bytes, or all zero';
  return isSpanId(spanId) ? undefined : 'span_id is not 8 bytes, or all zero';
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

const headOf = (kind: Kind, otherwise: string) =>
  keeping((name) => `","kind":"${kind}","name":${JSON.stringify(nameOf(name, otherwise))},"time":"`);
const TRACE_HEAD = ',"traceId":"';
const DURATION_HEAD = ',"durationMs":';
/** From the end of the id to the beginning of the time. */
const SPAN_HEAD = headOf('span.end', 'span');
const EVENT_HEAD = headOf('event', 'event');
const LOG_HEAD = headOf('log', 'log');

/** By number of the kind and of the status, from the end of the span id on. */
const KIND_AND_STATUS = ['internal' as const, ...SPAN_KINDS].map((kind) =>
  STATUSES.map((status) => {
    const plain = inOnePiece(`","spanKind":"${kind}","status":"${status}"`);
    return { plain, untilDuration: inOnePiece(plain + DURATION_HEAD) };
  }),
);

/** `''`, `.001` to `.999` without zeros at the end. */
const MS_FRACTION = Array.from({ length: 1_000 }, (_, us) =>
  us === 0 ? '' : `.${String(us).padStart(3, '0').replace(/0+$/, '')}`,
);
/** Up to here a number of ms has at most 15 digits, so a double says it exactly so. */
const EXACT_US_MAX = 1e15;

/** Whole µs as JSON in ms. */
function msText(us: number): string {
  if (us >= EXACT_US_MAX) return String(us / 1_000);
  const ms = Math.floor(us / 1_000);
  return `${ms}${MS_FRACTION[us - ms * 1_000] as string}`;
}

function afterDuration({ events, droppedEvents, unreadEvents }: SpanRecord, { scope, eventless }: Origin): string {
  if (events.length === 0 && droppedEvents === 0) return eventless;
  const dropped = Math.min(COUNT_MAX, droppedEvents) + unreadEvents;
  return `${scope},"eventCount":${events.length},"droppedEvents":${dropped},"attributes":`;
}

function isNested(body: unknown): boolean {
  return typeof body === 'object' && body !== null;
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
