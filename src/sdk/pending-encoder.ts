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
      traceId: pending.traceId,
      spanId: pending.spanId,
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
    traceId: pending.traceId,
    spanId: pending.spanId,
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
