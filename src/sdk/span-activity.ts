import { type Attributes as SpanAttributes, SpanStatusCode } from '@opentelemetry/api';
import { type Attributes, type AttributeValue, SEVERITIES, type Severity, STATUSES } from '../activity/activity.ts';
import { setAttribute } from '../activity/codec.ts';
import { FLATTEN_LIMITS, type Flattened, type FlattenOptions, flatten, noCuts } from '../activity/flatten.ts';
import { createRedactor } from '../activity/redaction.ts';
import { cutText, fits } from '../activity/text.ts';
import { createId } from './activity-id.ts';
import { fromHrTime } from './clock.ts';
import type { PendingRecord } from './pending-activity.ts';
import { isPendingPublisher, type Publisher, toNewActivity } from './publisher-contract.ts';
import { DIRECT, LIVE_ID, type SpanIdentity } from './span-facts.ts';
import type { FinishedSpan, SpanEvent, StartedSpan } from './span-types.ts';

const ENVELOPE_BYTES = 400;
const NAME_BYTES_MAX = 1_024;

/** Turns spans into activities of one publisher: each a snapshot, flattened and redacted like any other. */
export interface SpanWriter {
  start(span: StartedSpan, identity: SpanIdentity, callId: string | undefined): void;
  /** The span events that are not on the feed yet, oldest first, then `span.end`. */
  end(span: FinishedSpan, identity: SpanIdentity, callId: string | undefined): void;
}

type KeepAttribute = ((key: string) => boolean) | undefined;

export function createSpanWriter(publisher: Publisher, keep: KeepAttribute): SpanWriter {
  const flattening = flatteningOf(publisher);
  const owned: FlattenOptions = { ...flattening, isOwned: true };
  const enqueue = isPendingPublisher(publisher)
    ? (pending: PendingRecord) => publisher.enqueue(pending)
    : (pending: PendingRecord) => publisher.publish(toNewActivity(pending));

  /** Without our own mark, which says nothing to a reader of the feed. */
  function flattened(attributes: SpanAttributes | undefined): Flattened {
    if (attributes === undefined || (keep === undefined && attributes[DIRECT] === undefined)) {
      return flatten(attributes, flattening);
    }
    const selected: Attributes = {};
    for (const key of Object.keys(attributes)) {
      const value = attributes[key];
      if (key !== DIRECT && value !== undefined && (keep === undefined || keep(key)))
        setAttribute(selected, key, value as AttributeValue);
    }
    return flatten(selected, owned);
  }

  /** Every member in every record, so that all have one hidden class; those without a value are not written. */
  function build(
    kind: PendingRecord['kind'],
    name: string,
    timeUs: number,
    severity: Severity,
    attributes: SpanAttributes | undefined,
    identity: SpanIdentity,
    callId: string | undefined,
  ): PendingRecord {
    const flat = flattened(attributes);
    const isEvent = kind === 'event';
    return {
      id: createId(timeUs / 1_000),
      kind,
      name: bounded(name, NAME_BYTES_MAX),
      timeUs,
      severity,
      service: identity.service,
      callId,
      traceId: identity.traceId,
      spanId: identity.spanId,
      parentSpanId: isEvent ? undefined : identity.parentSpanId,
      sampled: identity.sampled,
      spanKind: isEvent ? undefined : identity.spanKind,
      status: undefined,
      statusMessage: undefined,
      durationMs: undefined,
      scope: identity.scope,
      eventCount: undefined,
      droppedEvents: undefined,
      attributes: flat.attributes,
      sizeBytes: flat.sizeBytes + ENVELOPE_BYTES + name.length,
    };
  }

  function writeEvent(event: SpanEvent, identity: SpanIdentity, callId: string | undefined): void {
    if (event.attributes?.[LIVE_ID] !== undefined) return;
    const timeUs = fromHrTime(event.time);
    enqueue(build('event', event.name, timeUs, severityOf(event), event.attributes, identity, callId));
  }

  return {
    start(span, identity, callId) {
      const timeUs = fromHrTime(span.startTime);
      enqueue(build('span.start', span.name, timeUs, 'info', span.attributes, identity, callId));
    },
    end(span, identity, callId) {
      const { status, events, duration, droppedEventsCount } = span;
      for (const event of events) writeEvent(event, identity, callId);
      const severity = status.code === SpanStatusCode.ERROR ? 'error' : 'info';
      const timeUs = fromHrTime(span.endTime);
      const pending = build('span.end', span.name, timeUs, severity, span.attributes, identity, callId);
      pending.status = STATUSES[status.code] ?? 'unset';
      if (status.message) {
        pending.statusMessage = bounded(status.message, flattening.limits.attributeBytesMax);
        pending.sizeBytes += pending.statusMessage.length;
      }
      pending.durationMs = Math.round(duration[0] * 1_000_000 + duration[1] / 1_000) / 1_000;
      pending.eventCount = events.length;
      if (droppedEventsCount) pending.droppedEvents = droppedEventsCount;
      enqueue(pending);
    },
  };
}

/** A publisher of the user's own has no limits of its own to ask for. */
function flatteningOf(publisher: Publisher): FlattenOptions {
  if (isPendingPublisher(publisher)) return publisher.flattening;
  return { limits: FLATTEN_LIMITS, redactor: createRedactor([]), counts: noCuts() };
}

function severityOf(event: SpanEvent): Severity {
  const given = event.attributes?.['event.severity'];
  return SEVERITIES.find((severity) => severity === given) ?? (event.name === 'exception' ? 'error' : 'info');
}

function bounded(text: string, bytesMax: number): string {
  return fits(text, bytesMax) ? text.toWellFormed() : cutText(text, bytesMax);
}
