import { type Attributes, isSpanContextValid, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { type Activity, SEVERITIES, type Severity, SPAN_KINDS, STATUSES } from '../activity/activity.ts';
import { FLATTEN_LIMITS, type FlattenOptions, flatten, noCuts } from '../activity/flatten.ts';
import { createRedactor } from '../activity/redaction.ts';
import { cutText, fits } from '../activity/text.ts';
import { formatTimeUs } from '../activity/time.ts';
import { createId } from './activity-id.ts';
import { fromHrTime } from './clock.ts';
import type { PendingActivity } from './pending-activity.ts';
import { isPendingPublisher, type Publisher } from './publisher-contract.ts';
import { DIRECT, LIVE_ID, parentSpanIdOf, resourceFacts, scopeOf } from './span-facts.ts';
import type { FinishedSpan, SpanEvent, StartedSpan } from './span-types.ts';

const ENVELOPE_BYTES = 400;
const NAME_BYTES_MAX = 1_024;

/** Turns spans into activities of one publisher: each a snapshot, flattened and redacted like any other. */
export interface SpanWriter {
  start(span: StartedSpan, callId: string | undefined): void;
  /** The span events that are not on the feed yet, oldest first, then `span.end`. */
  end(span: FinishedSpan, callId: string | undefined): void;
}

type KeepAttribute = ((key: string) => boolean) | undefined;

export function createSpanWriter(publisher: Publisher, keep: KeepAttribute): SpanWriter {
  const flattening = flatteningOf(publisher);
  const enqueue = isPendingPublisher(publisher)
    ? (pending: PendingActivity) => publisher.enqueue(pending)
    : (pending: PendingActivity) => publisher.publish(toActivity(pending));

  function build(
    kind: PendingActivity['kind'],
    name: string,
    timeUs: number,
    severity: Severity,
    span: StartedSpan,
    attributes: Attributes | undefined,
    callId: string | undefined,
  ): PendingActivity {
    const flat = flatten(selectAttributes(attributes, keep), flattening);
    const pending: PendingActivity = {
      id: createId(timeUs / 1_000),
      kind,
      name: bounded(name, NAME_BYTES_MAX),
      timeUs,
      severity,
      attributes: flat.attributes,
      sizeBytes: flat.sizeBytes + ENVELOPE_BYTES + name.length,
    };
    const { service } = resourceFacts(span.resource);
    const scope = scopeOf(span);
    if (service !== undefined) pending.service = service;
    if (callId !== undefined) pending.callId = callId;
    if (scope !== '') pending.scope = scope;
    const spanContext = span.spanContext();
    if (isSpanContextValid(spanContext)) {
      pending.traceId = spanContext.traceId;
      pending.spanId = spanContext.spanId;
      if ((spanContext.traceFlags & TraceFlags.SAMPLED) === 0) pending.sampled = false;
    }
    return pending;
  }

  /** What both activities of a span carry, and its events do not. */
  function describe(pending: PendingActivity, span: StartedSpan): PendingActivity {
    const parentSpanId = parentSpanIdOf(span);
    if (parentSpanId) pending.parentSpanId = parentSpanId;
    pending.spanKind = SPAN_KINDS[span.kind] ?? 'internal';
    return pending;
  }

  function writeEvent(event: SpanEvent, span: FinishedSpan, callId: string | undefined): void {
    if (event.attributes?.[LIVE_ID] !== undefined) return;
    const timeUs = fromHrTime(event.time);
    enqueue(build('event', event.name, timeUs, severityOf(event), span, event.attributes, callId));
  }

  return {
    start(span, callId) {
      const timeUs = fromHrTime(span.startTime);
      enqueue(describe(build('span.start', span.name, timeUs, 'info', span, span.attributes, callId), span));
    },
    end(span, callId) {
      for (const event of span.events) writeEvent(event, span, callId);
      const failed = span.status.code === SpanStatusCode.ERROR;
      const timeUs = fromHrTime(span.endTime);
      const pending = build('span.end', span.name, timeUs, failed ? 'error' : 'info', span, span.attributes, callId);
      describe(pending, span);
      pending.status = STATUSES[span.status.code] ?? 'unset';
      if (span.status.message) {
        pending.statusMessage = bounded(span.status.message, flattening.limits.attributeBytesMax);
        pending.sizeBytes += pending.statusMessage.length;
      }
      pending.durationMs = Math.round(span.duration[0] * 1_000_000 + span.duration[1] / 1_000) / 1_000;
      pending.eventCount = span.events.length;
      if (span.droppedEventsCount) pending.droppedEvents = span.droppedEventsCount;
      enqueue(pending);
    },
  };
}

/** A publisher of the user's own has no limits of its own to ask for. */
function flatteningOf(publisher: Publisher): FlattenOptions {
  if (isPendingPublisher(publisher)) return publisher.flattening;
  return { limits: FLATTEN_LIMITS, redactor: createRedactor([]), counts: noCuts() };
}

/** Without our own mark, which says nothing to a reader of the feed. */
function selectAttributes(attributes: Attributes | undefined, keep: KeepAttribute): Attributes | undefined {
  if (attributes === undefined) return undefined;
  if (keep === undefined && attributes[DIRECT] === undefined) return attributes;
  const selected: Attributes = {};
  for (const key of Object.keys(attributes)) {
    if (key !== DIRECT && (keep === undefined || keep(key))) selected[key] = attributes[key];
  }
  return selected;
}

function severityOf(event: SpanEvent): Severity {
  const given = event.attributes?.['event.severity'];
  return SEVERITIES.find((severity) => severity === given) ?? (event.name === 'exception' ? 'error' : 'info');
}

function bounded(text: string, bytesMax: number): string {
  return fits(text, bytesMax) ? text.toWellFormed() : cutText(text, bytesMax);
}

function toActivity(pending: PendingActivity): Activity {
  const { timeUs, sizeBytes: _, ...activity } = pending;
  return { ...activity, time: formatTimeUs(timeUs) };
}
