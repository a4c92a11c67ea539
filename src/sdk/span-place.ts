import { isSpanContextValid, type Span, type SpanContext, TraceFlags } from '@opentelemetry/api';
import { fromHrTime } from './clock.ts';

/** Where an event belongs, as far as its span tells. */
export interface SpanPlace {
  /** Whether the span takes events. */
  readonly recording: boolean;
  /** Whether it took them once and has ended. */
  readonly ended: boolean;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  /** `false` where the trace is not sampled. */
  readonly sampled: false | undefined;
  /** No event of the span is before this, microseconds. */
  readonly startUs: number;
}

const NOWHERE: SpanPlace = {
  recording: false,
  ended: false,
  traceId: undefined,
  spanId: undefined,
  sampled: undefined,
  startUs: 0,
};

/** Events of one span come in a row: its place is worked out once. Keyed by the context, which keeps no span alive. */
let lastContext: SpanContext | undefined;
let lastRecording = NOWHERE;
let lastQuiet = NOWHERE;

/** Never throws, whatever was given as a span. `isRecording()` first: on an ended span the SDK builds an Error. */
export function placeOf(span: Span | undefined): SpanPlace {
  if (span === undefined || span === null) return NOWHERE;
  try {
    const recording = span.isRecording();
    const spanContext = span.spanContext();
    if (spanContext !== lastContext) remember(span, spanContext);
    if (recording) return lastRecording;
    return (span as { ended?: unknown }).ended === true ? { ...lastQuiet, ended: true } : lastQuiet;
  } catch {
    return NOWHERE;
  }
}

function remember(span: Span, spanContext: SpanContext): void {
  const valid = isSpanContextValid(spanContext);
  lastQuiet = {
    recording: false,
    ended: false,
    traceId: valid ? spanContext.traceId : undefined,
    spanId: valid ? spanContext.spanId : undefined,
    sampled: valid && (spanContext.traceFlags & TraceFlags.SAMPLED) === 0 ? false : undefined,
    startUs: startUsOf(span),
  };
  lastRecording = { ...lastQuiet, recording: true };
  lastContext = spanContext;
}

/** Spans of the SDK show their start; the API has no word for it. */
function startUsOf(span: Span): number {
  const { startTime } = span as { startTime?: unknown };
  if (!Array.isArray(startTime)) return 0;
  const us = fromHrTime(startTime as unknown as [number, number]);
  return Number.isSafeInteger(us) ? us : 0;
}
