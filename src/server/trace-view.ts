import type { Activity, Attributes, SpanKindName, Status } from '../activity/activity.ts';
import { formatTimeUs, parseTimeUs } from '../activity/time.ts';

/** `lost`: its instance fell silent, or stopped, before the span ended. */
type SpanState = 'running' | 'ok' | 'error' | 'lost';

/** One span as it is known from the feed. */
interface SpanView {
  spanId: string;
  parentSpanId?: string;
  name: string;
  service?: string;
  instance?: string;
  callId?: string;
  scope?: string;
  spanKind?: SpanKindName;
  /** Start, ISO 8601 with 6 decimals. */
  time: string;
  durationMs?: number;
  state: SpanState;
  /** Whether its start was on the feed: a span that only ever arrived ended was never seen running. */
  live: boolean;
  status?: Status;
  statusMessage?: string;
  attributes: Attributes;
}

/** A parent that others name and that has not arrived (or never will, where it is not traced). */
interface PlaceholderView {
  spanId: string;
  placeholder: true;
}

export interface TraceView {
  traceId: string;
  /** `false` where the search was cut short before it saw the whole log. */
  complete: boolean;
  /** By start time; placeholders first. */
  spans: (SpanView | PlaceholderView)[];
  /** Events and log records, in log order, each with its cursor. */
  events: (Activity & { cursor: string })[];
}

export interface LoggedActivity {
  cursor: string;
  activity: Activity;
}

/**
 * @param activities everything known of the trace, in log order
 * @param notices `livespan.instance_*` notices among and after them, in log order
 */
export function viewTrace(
  traceId: string,
  activities: readonly LoggedActivity[],
  notices: readonly LoggedActivity[],
  complete: boolean,
): TraceView {
  const spans = new Map<string, SpanView>();
  const events: TraceView['events'] = [];
  for (const { cursor, activity } of activities) {
    if (activity.kind === 'span.start') start(spans, activity);
    else if (activity.kind === 'span.end') end(spans, activity);
    else events.push({ cursor, ...activity });
  }
  const gone = goneInstances(notices);
  for (const span of spans.values()) {
    if (span.state !== 'running' || span.instance === undefined) continue;
    const goneAt = gone.get(span.instance);
    if (goneAt !== undefined && span.time <= goneAt) span.state = 'lost';
  }
  const sorted = [...spans.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return { traceId, complete, spans: [...placeholders(spans), ...sorted], events };
}

function start(spans: Map<string, SpanView>, activity: Activity): void {
  const { spanId } = activity;
  if (spanId === undefined) return;
  const ended = spans.get(spanId);
  // A start that comes after its end (two ways in) still says that the span was on the feed while it ran.
  if (ended !== undefined) ended.live = true;
  else spans.set(spanId, { ...common(spanId, activity), time: activity.time, state: 'running', live: true });
}

function end(spans: Map<string, SpanView>, activity: Activity): void {
  const { spanId, durationMs } = activity;
  if (spanId === undefined) return;
  const started = spans.get(spanId);
  spans.set(spanId, {
    ...started,
    ...common(spanId, activity),
    attributes: { ...started?.attributes, ...activity.attributes },
    time: started?.time ?? startOf(activity),
    state: activity.status === 'error' ? 'error' : 'ok',
    live: started?.live ?? false,
    ...(durationMs !== undefined && { durationMs }),
    ...(activity.status !== undefined && { status: activity.status }),
    ...(activity.statusMessage !== undefined && { statusMessage: activity.statusMessage }),
  });
}

function common(spanId: string, activity: Activity): Omit<SpanView, 'time' | 'state' | 'live'> {
  const { parentSpanId, name, service, instance, callId, scope, spanKind, attributes } = activity;
  return {
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    ...(service !== undefined && { service }),
    ...(instance !== undefined && { instance }),
    ...(callId !== undefined && { callId }),
    ...(scope !== undefined && { scope }),
    ...(spanKind !== undefined && { spanKind }),
    attributes,
  };
}

function startOf(ended: Activity): string {
  const endUs = parseTimeUs(ended.time);
  return endUs === undefined ? ended.time : formatTimeUs(endUs - Math.round((ended.durationMs ?? 0) * 1_000));
}

/** Instance → when it was last said to be gone; who came back is not in it. */
function goneInstances(notices: readonly LoggedActivity[]): Map<string, string> {
  const gone = new Map<string, string>();
  for (const { activity } of notices) {
    if (activity.instance === undefined) continue;
    if (activity.name === 'livespan.instance_lost' || activity.name === 'livespan.instance_stopped') {
      gone.set(activity.instance, activity.time);
    } else if (activity.name === 'livespan.instance_back' || activity.name === 'livespan.instance_started') {
      gone.delete(activity.instance);
    }
  }
  return gone;
}

function placeholders(spans: ReadonlyMap<string, SpanView>): PlaceholderView[] {
  const missing = new Set<string>();
  for (const { parentSpanId } of spans.values()) {
    if (parentSpanId !== undefined && !spans.has(parentSpanId)) missing.add(parentSpanId);
  }
  return [...missing].map((spanId) => ({ spanId, placeholder: true }));
}
