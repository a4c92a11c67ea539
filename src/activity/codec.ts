import type { Activity } from './activity.ts';
import { checkActivity, type Decoded } from './activity-check.ts';
import { parseCursor } from './cursor.ts';

export { checkActivity, isSpanId, isTraceId, setAttribute } from './activity-check.ts';

/** Text longer than this is not parsed. The largest activity that can be configured is 1 MiB. */
const TEXT_CHARS_MAX = 4 * 1_048_576;

/** The JSON of one activity, without `cursor`: its members in the contract's order, nothing else that the object carries. */
export function encodeActivity(activity: Activity): string {
  return JSON.stringify({
    id: activity.id,
    kind: activity.kind,
    name: activity.name,
    time: activity.time,
    severity: activity.severity,
    summary: activity.summary,
    service: activity.service,
    instance: activity.instance,
    callId: activity.callId,
    traceId: activity.traceId,
    spanId: activity.spanId,
    parentSpanId: activity.parentSpanId,
    sampled: activity.sampled,
    spanKind: activity.spanKind,
    status: activity.status,
    statusMessage: activity.statusMessage,
    durationMs: activity.durationMs,
    scope: activity.scope,
    eventCount: activity.eventCount,
    droppedEvents: activity.droppedEvents,
    attributes: activity.attributes,
  });
}

/** Reads foreign text. Never throws; members that the contract does not know (`cursor` too) are left out. */
export function decodeActivity(text: string): Decoded {
  if (text.length > TEXT_CHARS_MAX) return { ok: false, reason: `longer than ${TEXT_CHARS_MAX} characters` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
  return checkActivity(value);
}

const CURSOR_HEAD = '{"cursor":"';

/** The same JSON object with `cursor` as its first member. */
export function withCursor(json: string, cursor: string): string {
  return json === '{}' ? `${CURSOR_HEAD}${cursor}"}` : `${CURSOR_HEAD}${cursor}",${json.slice(1)}`;
}

/** Undoes `withCursor` by looking at the head only; `undefined` where that is not ours. The rest is not checked. */
export function splitCursor(message: string): { cursor: string; json: string } | undefined {
  if (!message.startsWith(CURSOR_HEAD)) return undefined;
  const end = message.indexOf('"', CURSOR_HEAD.length);
  const cursor = end < 0 ? '' : message.slice(CURSOR_HEAD.length, end);
  if (parseCursor(cursor) === undefined) return undefined;
  const rest = message.slice(message[end + 1] === ',' ? end + 2 : end + 1);
  return rest.endsWith('}') ? { cursor, json: `{${rest}` } : undefined;
}
