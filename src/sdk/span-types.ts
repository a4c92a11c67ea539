import type { Attributes, HrTime, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api';

/**
 * Spans as SDKs hand them to processors and exporters, by shape alone and from the API's types alone: the 2.x line
 * (`@opentelemetry/sdk-trace-base`), the 3.x line (`@opentelemetry/sdk-trace`) and, where they differ, 1.x.
 */
export interface StartedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly attributes: Attributes;
  readonly resource?: SpanResource;
  readonly parentSpanContext?: SpanContext | undefined;
  /** 1.x. */
  readonly parentSpanId?: string | undefined;
  readonly instrumentationScope?: { readonly name: string };
  /** 1.x. */
  readonly instrumentationLibrary?: { readonly name: string };
  spanContext(): SpanContext;
  setAttribute?(key: string, value: boolean): unknown;
}

export interface FinishedSpan extends StartedSpan {
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly events: readonly SpanEvent[];
  readonly droppedEventsCount?: number;
}

export interface SpanEvent {
  readonly name: string;
  readonly time: HrTime;
  readonly attributes?: Attributes | undefined;
}

export interface SpanResource {
  readonly attributes: Attributes;
  /** 2.x and later: may hold promises; reading `attributes` before they settle logs an error. */
  getRawAttributes?(): readonly (readonly [string, unknown])[];
}

/** `ExportResult` of `@opentelemetry/core`: 0 is success, 1 failure. */
export interface ExportOutcome {
  code: number;
  error?: Error;
}

/** Which spans go to the feed, and what of them. */
export interface LiveSpanOptions {
  /** Asked once a span, when it starts (exporter: when it has ended). Default: every span. */
  filter?: (span: { name: string; scope: string; kind: SpanKind; attributes: Attributes }) => boolean;
  /** Which attributes go along, by key; also those of span events. Default: all. */
  attributes?: (key: string) => boolean;
}
