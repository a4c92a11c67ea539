import { type Context, INVALID_SPANID, INVALID_TRACEID, type SpanContext, TraceFlags } from '@opentelemetry/api';
import { type Activity, SPAN_KINDS } from '../activity/activity.ts';
import type { SpanResource, StartedSpan } from './span-types.ts';

/** The mark of a span that its process gives to the feed itself; the OTLP door leaves such a span out. */
export const DIRECT = 'livespan.direct';
/** The mark of a span event or log record that is on the feed already: the activity's id. */
export const LIVE_ID = 'livespan.id';

export interface ResourceFacts {
  service: string | undefined;
  /** The resource carries the mark, so its spans need none. */
  direct: boolean;
}

const known = new WeakMap<SpanResource, ResourceFacts>();
const NONE: ResourceFacts = { service: undefined, direct: false };
/** Most processes have one resource. */
let lastResource: SpanResource | undefined;
let lastFacts = NONE;

/** What the resource says, read once. */
export function resourceFacts(resource: SpanResource | undefined): ResourceFacts {
  if (resource === undefined || resource === null) return NONE;
  if (resource === lastResource) return lastFacts;
  let facts = known.get(resource);
  if (facts === undefined) {
    const pairs = resource.getRawAttributes?.() ?? Object.entries(resource.attributes);
    const first = (name: string) => pairs.find(([key]) => key === name)?.[1];
    const service = first('service.name');
    facts = {
      // The SDK's stand-in for "not configured" says less than what the publisher may know.
      service: typeof service === 'string' && !service.startsWith('unknown_service') ? service : undefined,
      direct: first(DIRECT) === true || first(DIRECT) === 'true',
    };
    known.set(resource, facts);
  }
  lastResource = resource;
  lastFacts = facts;
  return facts;
}

export function scopeOf(span: StartedSpan): string {
  return (span.instrumentationScope ?? span.instrumentationLibrary)?.name ?? '';
}

export function parentSpanIdOf(span: StartedSpan): string | undefined {
  return span.parentSpanContext?.spanId ?? span.parentSpanId;
}

/** Spans that are on the feed and have no room for the mark (attribute limit). */
const unmarked = new WeakSet<StartedSpan>();

export function markUnmarked(span: StartedSpan): void {
  unmarked.add(span);
}

/** Whether a LiveSpanProcessor of this process has given the span to the feed. */
export function isDirect(span: StartedSpan): boolean {
  return span.attributes[DIRECT] === true || resourceFacts(span.resource).direct || unmarked.has(span);
}

/** What all activities of one span have in common: worked out once, when it starts. */
export interface SpanIdentity {
  /** In which the span started; its call id may be set later. Unknown where only the finished span is at hand. */
  readonly parentContext: Context | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly parentSpanId: string | undefined;
  /** `false` where the trace is not sampled. */
  readonly sampled: false | undefined;
  readonly spanKind: NonNullable<Activity['spanKind']>;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}

export function identify(span: StartedSpan, parentContext?: Context): SpanIdentity {
  const spanContext = span.spanContext();
  const isValid = hasIds(spanContext);
  return {
    parentContext,
    traceId: isValid ? spanContext.traceId : undefined,
    spanId: isValid ? spanContext.spanId : undefined,
    parentSpanId: parentSpanIdOf(span) || undefined,
    sampled: isValid && (spanContext.traceFlags & TraceFlags.SAMPLED) === 0 ? false : undefined,
    spanKind: SPAN_KINDS[span.kind] ?? 'internal',
    service: resourceFacts(span.resource).service,
    scope: scopeOf(span) || undefined,
  };
}

/** A first look, for the caller's path: whether the ids are hex is looked at when they are written down. */
function hasIds({ traceId, spanId }: SpanContext): boolean {
  return traceId.length === 32 && traceId !== INVALID_TRACEID && spanId.length === 16 && spanId !== INVALID_SPANID;
}
