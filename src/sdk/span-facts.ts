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

/** What the resource says, read once. */
export function resourceFacts(resource: SpanResource | undefined): ResourceFacts {
  if (resource === undefined || resource === null) return NONE;
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
