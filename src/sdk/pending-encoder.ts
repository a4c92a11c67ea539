import { isSpanId, isTraceId } from '../activity/codec.ts';
import { formatTimeUs } from '../activity/time.ts';
import type { PendingRecord } from './pending-activity.ts';

/** Size of the members beside the attributes, where the texts among them are short. */
export const ENVELOPE_BYTES = 320;

/** Service and instance of the publisher, for activities that name none. */
export interface Origin {
  service: string | undefined;
  instance: string;
}

/**
 * The JSON of one activity in the contract's order, by one plain stringify of the whole envelope (faster over the whole
 * path than templates or generated encoders). Throws only where foreign values hide in `attributes`.
 */
export function encodePending(pending: PendingRecord, origin: Origin): string {
  const { kind } = pending;
  if (kind === 'event' || kind === 'notice') {
    return JSON.stringify({
      id: pending.id,
      kind,
      name: pending.name,
      time: formatTimeUs(pending.timeUs),
      severity: pending.severity,
      summary: pending.summary,
      service: pending.service ?? origin.service,
      instance: pending.instance ?? origin.instance,
      callId: pending.callId,
      traceId: traceIdOf(pending),
      spanId: spanIdOf(pending),
      parentSpanId: pending.parentSpanId,
      sampled: pending.sampled,
      scope: pending.scope,
      attributes: pending.attributes,
    });
  }
  return JSON.stringify({
    id: pending.id,
    kind,
    name: pending.name,
    time: formatTimeUs(pending.timeUs),
    severity: pending.severity,
    summary: pending.summary,
    service: pending.service ?? origin.service,
    instance: pending.instance ?? origin.instance,
    callId: pending.callId,
    traceId: traceIdOf(pending),
    spanId: spanIdOf(pending),
    parentSpanId: pending.parentSpanId,
    sampled: pending.sampled,
    spanKind: pending.spanKind,
    status: pending.status,
    statusMessage: pending.statusMessage,
    durationMs: pending.durationMs,
    scope: pending.scope,
    eventCount: pending.eventCount,
    droppedEvents: pending.droppedEvents,
    attributes: pending.attributes,
  });
}

let givenTraceId: string | undefined;
let goodTraceId: string | undefined;
let givenSpanId: string | undefined;
let goodSpanId: string | undefined;

/**
 * Ids come from the SDK's generator, which may be anybody's; with one that is not as it should be nobody could read the
 * activity. Activities of one span often follow each other, so each id is looked at once.
 */
function traceIdOf({ traceId }: PendingRecord): string | undefined {
  if (traceId !== givenTraceId) {
    givenTraceId = traceId;
    goodTraceId = isTraceId(traceId) ? traceId : undefined;
  }
  return goodTraceId;
}

function spanIdOf({ spanId }: PendingRecord): string | undefined {
  if (spanId !== givenSpanId) {
    givenSpanId = spanId;
    goodSpanId = isSpanId(spanId) ? spanId : undefined;
  }
  return goodSpanId;
}
