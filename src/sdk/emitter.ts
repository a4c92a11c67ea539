import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { type Attributes, SEVERITIES, type Severity } from '../activity/activity.ts';
import { setAttribute } from '../activity/codec.ts';
import { FLATTEN_LIMITS, type FlattenOptions, flatten, noCuts } from '../activity/flatten.ts';
import { createRedactor } from '../activity/redaction.ts';
import { cutText, fits } from '../activity/text.ts';
import { log } from '../diag.ts';
import { createId } from './activity-id.ts';
import { callIdOf } from './call-id.ts';
import { nowUs, toHrTime } from './clock.ts';
import { emitLogRecord } from './log-record.ts';
import type { PendingRecord } from './pending-activity.ts';
import { ENVELOPE_BYTES } from './pending-encoder.ts';
import { type EventSink, isPendingPublisher, type Publisher, toNewActivity } from './publisher-contract.ts';
import { currentPublisher } from './publisher-registry.ts';
import { placeOf } from './span-place.ts';

export interface EmitOptions {
  /** One human sentence. */
  summary?: string | undefined;
  /** Default `info`. */
  severity?: Severity | undefined;
  /** Flattened, redacted and cut at the call: later changes to it are not seen. */
  data?: Record<string, unknown> | undefined;
  /** Correlation id; default that of `withCallId` or `setCallId`. */
  callId?: string | undefined;
  /** Default: the active span. */
  span?: Span | undefined;
  /** Default: now. */
  time?: Date | undefined;
}

const NO_OPTIONS: EmitOptions = {};
const NAME_CHARS_MAX = 255;
const CALL_ID_CHARS_MAX = 200;
const JSON_BYTES_A_CHAR_MAX = 6;
/** Texts in the envelope up to this length need no closer look at the size of the whole. */
const SHORT_CHARS = 32;

/** Limits and redaction where no publisher brings its own. */
const DEFAULT_SINK: { readonly flattening: FlattenOptions; readonly events: EventSink } = {
  flattening: { limits: FLATTEN_LIMITS, redactor: createRedactor([]), counts: noCuts() },
  events: 'span',
};

/**
 * One call, two sinks: adds an event to the span and publishes the same activity (one id, one instant, one attribute set).
 * The span event has `livespan.id`, `event.severity`, `event.summary`, `call.id`, then exactly the activity's attributes.
 * Everything is captured before it returns; it never throws, waits or blocks. Without a span that records it still
 * publishes, without a publisher it still adds the span event, with neither it does nothing. On a span that has ended the
 * activity carries `livespan.span_ended: true`, because history will not have it.
 * @param name lowercase, dotted, at most 255 characters, no values in it: `gateway.request_received`
 */
export function emitEvent(name: string, options: EmitOptions = NO_OPTIONS): void {
  const publisher = currentPublisher();
  try {
    // Reading is what may throw here: getters, a proxy, no object at all.
    const { summary, severity, data, callId, span, time } = options;
    const active = context.active();
    const target = span ?? trace.getSpan(active);
    if (publisher !== undefined || target !== undefined) {
      emit(publisher, active, target, name, summary, severity, data, callId, time);
    }
  } catch {
    const { summary, severity, data, callId, span, time } = readable(options);
    const active = context.active();
    emit(publisher, active, span ?? trace.getSpan(active), name, summary, severity, data, callId, time);
  }
}

/** The options that can be read, each read once. */
function readable(options: unknown): EmitOptions {
  const entries = (['summary', 'severity', 'data', 'callId', 'span', 'time'] as const).map((key) => {
    try {
      return [key, (options as EmitOptions | null)?.[key]];
    } catch {
      return [key, undefined];
    }
  });
  return Object.fromEntries(entries) as EmitOptions;
}

/** Arguments one by one: an object for them would cost as much as much of the rest. Never throws. */
function emit(
  publisher: Publisher | undefined,
  active: Context,
  span: Span | undefined,
  name: string,
  summary: string | undefined,
  severity: Severity | undefined,
  data: unknown,
  callId: string | undefined,
  time: Date | undefined,
): void {
  try {
    if (typeof name !== 'string' || name === '') {
      // The publisher counts it as invalid.
      publisher?.publish({ name });
      return;
    }
    const place = placeOf(span);
    if (publisher === undefined && !place.recording) return;
    const inner = publisher !== undefined && isPendingPublisher(publisher) ? publisher : undefined;
    const { flattening, events } = inner ?? DEFAULT_SINK;
    const text = boundedSummary(summary, flattening);
    const call = callIdFor(callId, active);
    const { attributes, sizeBytes } = flatten(data, flatteningFor(flattening, name, text, call));
    const clockUs = Math.max(nowUs(), place.startUs);
    const id = createId(clockUs / 1_000);
    const timeUs = time === undefined ? clockUs : (givenUs(time) ?? clockUs);
    const level = isSeverity(severity) ? severity : 'info';
    const eventName = name.length > NAME_CHARS_MAX ? name.slice(0, NAME_CHARS_MAX).toWellFormed() : name;
    if (place.recording || events !== 'span') {
      const all = eventAttributes(id, level, text, call, attributes);
      if (events !== 'span') writeLog(eventName, level, text, all, timeUs, span);
      if (events !== 'log' && span !== undefined && place.recording) addEvent(span, eventName, all, timeUs);
    }
    if (publisher === undefined) return;
    if (place.ended) attributes['livespan.span_ended'] = true;
    // Every member in every record, so that all have one hidden class; those without a value are not written.
    const pending: PendingRecord = {
      id,
      kind: 'event',
      name: eventName,
      timeUs,
      severity: level,
      summary: text,
      service: undefined,
      instance: undefined,
      callId: call,
      traceId: place.traceId,
      spanId: place.spanId,
      parentSpanId: undefined,
      sampled: place.sampled,
      scope: undefined,
      attributes,
      sizeBytes: sizeBytes + ENVELOPE_BYTES + eventName.length + (text?.length ?? 0),
    };
    if (inner !== undefined) inner.enqueue(pending);
    else publisher.publish(toNewActivity(pending));
  } catch (error) {
    say(error);
  }
}

function isSeverity(value: unknown): value is Severity {
  return value === 'info' || SEVERITIES.includes(value as Severity);
}

function boundedSummary(summary: unknown, { limits, counts }: FlattenOptions): string | undefined {
  if (typeof summary !== 'string' || summary === '') return undefined;
  if (fits(summary, limits.attributeBytesMax)) return summary.isWellFormed() ? summary : summary.toWellFormed();
  counts.valueBytes += 1;
  return cutText(summary, limits.attributeBytesMax);
}

function callIdFor(given: unknown, active: Context): string | undefined {
  if (typeof given !== 'string' || given === '') return callIdOf(active);
  return given.length > CALL_ID_CHARS_MAX ? given.slice(0, CALL_ID_CHARS_MAX).toWellFormed() : given;
}

function givenUs(time: unknown): number | undefined {
  const ms = time instanceof Date ? time.getTime() : Number.NaN;
  return ms >= 0 ? Math.round(ms * 1_000) : undefined;
}

/** Long texts beside the attributes leave less room for these, so that the whole stays within its limit. */
function flatteningFor(
  flattening: FlattenOptions,
  name: string,
  summary: string | undefined,
  callId: string | undefined,
): FlattenOptions {
  const chars = name.length + (summary?.length ?? 0) + (callId?.length ?? 0);
  if (chars <= 3 * SHORT_CHARS) return flattening;
  return { ...flattening, envelopeBytes: 512 + chars * JSON_BYTES_A_CHAR_MAX };
}

/** What the span event carries: ours first, then exactly the activity's attributes. */
function eventAttributes(
  id: string,
  severity: Severity,
  summary: string | undefined,
  callId: string | undefined,
  attributes: Attributes,
): Attributes {
  const all: Attributes = { 'livespan.id': id, 'event.severity': severity };
  if (summary !== undefined) all['event.summary'] = summary;
  if (callId !== undefined) all['call.id'] = callId;
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) setAttribute(all, key, value);
  }
  return all;
}

/** A span of somebody else's making may throw; the live side goes out all the same. */
function addEvent(span: Span, name: string, attributes: Attributes, timeUs: number): void {
  try {
    span.addEvent(name, attributes, toHrTime(timeUs));
  } catch (error) {
    say(error);
  }
}

function writeLog(
  name: string,
  severity: Severity,
  summary: string | undefined,
  attributes: Attributes,
  timeUs: number,
  span: Span | undefined,
): void {
  try {
    emitLogRecord({ name, severity, summary, attributes, timeUs, span });
  } catch (error) {
    say(error);
  }
}

function say(error: unknown): void {
  try {
    log.warn('emitEvent', error instanceof Error ? error.message : typeof error);
  } catch {
    // A diag logger of the application that throws: nothing is left to tell it to.
  }
}
