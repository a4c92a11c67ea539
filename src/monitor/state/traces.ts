import type { EngineLimits } from './bounds.ts';
import type { Entry, SpanRow, Trace } from './model.ts';
import { isError, timeUsOf } from './span-row.ts';

const LOOSE_MAX = 100;

interface TraceRecord extends Trace {
  spans: Map<string, SpanRow>;
  loose: Entry[];
}

/** Traces by id, in the order in which they were first seen. */
export class TraceTable {
  readonly #limits: EngineLimits;
  readonly #traces = new Map<string, TraceRecord>();
  /** Whose counts are due at the end of the turn. */
  readonly #dirty = new Set<TraceRecord>();
  #list: readonly Trace[] | undefined;
  /** Spans of all traces. */
  #spanCount = 0;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  get(traceId: string): Trace | undefined {
    return this.#traces.get(traceId);
  }

  /** Newest first. */
  list(): readonly Trace[] {
    this.#list ??= [...this.#traces.values()].reverse();
    return this.#list;
  }

  addSpan(span: SpanRow, entry: Entry): void {
    if (span.traceId === undefined) return;
    const trace = this.#open(span.traceId, entry);
    const isNew = !trace.spans.has(span.spanId);
    if (isNew && trace.spans.size >= this.#limits.spansPerTraceMax) trace.droppedSpans += 1;
    else {
      trace.spans.set(span.spanId, span);
      if (isNew) this.#spanCount += 1;
    }
    if (this.#spanCount > this.#limits.traceSpansMax) this.#evict(trace);
    trace.startUs = Math.min(trace.startUs, span.startUs);
    trace.callId ??= span.callId;
    this.recount(span);
  }

  /** An event or log record; `span` is the one it is nested in, if that is known. */
  addEntry(entry: Entry, span: SpanRow | undefined): void {
    const { traceId } = entry.activity;
    if (traceId === undefined) return;
    const trace = this.#open(traceId, entry);
    trace.callId ??= entry.activity.callId;
    this.#dirty.add(trace);
    if (span !== undefined) return;
    trace.loose.push(entry);
    if (trace.loose.length > LOOSE_MAX) trace.loose.shift();
  }

  /** The state of a span has changed. */
  recount(span: SpanRow): void {
    const trace = span.traceId === undefined ? undefined : this.#traces.get(span.traceId);
    if (trace === undefined) return;
    trace.revision += 1;
    this.#dirty.add(trace);
  }

  /** Ends a turn. */
  settle(): void {
    for (const trace of this.#dirty) count(trace);
    this.#dirty.clear();
  }

  clear(): void {
    this.#traces.clear();
    this.#dirty.clear();
    this.#list = undefined;
    this.#spanCount = 0;
  }

  #open(traceId: string, entry: Entry): TraceRecord {
    const timeUs = timeUsOf(entry.activity);
    let trace = this.#traces.get(traceId);
    if (trace === undefined) {
      trace = {
        traceId,
        revision: 0,
        spans: new Map(),
        loose: [],
        runningCount: 0,
        startedCount: 0,
        errorCount: 0,
        droppedSpans: 0,
        startUs: timeUs,
        endUs: timeUs,
        callId: undefined,
      };
      this.#traces.set(traceId, trace);
      this.#list = undefined;
      if (this.#traces.size > this.#limits.tracesMax) this.#evict(trace);
    }
    trace.revision += 1;
    trace.startUs = Math.min(trace.startUs, timeUs);
    trace.endUs = Math.max(trace.endUs, timeUs);
    return trace;
  }

  /** The oldest that is over, among the oldest few; else the oldest. Not the one that is being added to. */
  #evict(current: TraceRecord): void {
    let looked = 0;
    let chosen: TraceRecord | undefined;
    for (const trace of this.#traces.values()) {
      if (trace === current) continue;
      if (chosen === undefined || trace.runningCount === 0) chosen = trace;
      looked += 1;
      if (chosen.runningCount === 0 || looked === 50) break;
    }
    if (chosen === undefined) return;
    this.#traces.delete(chosen.traceId);
    this.#spanCount -= chosen.spans.size;
    this.#list = undefined;
  }
}

/** Events come before their span most often; those that found it since are nested in it. */
function count(trace: TraceRecord): void {
  trace.runningCount = 0;
  trace.startedCount = 0;
  trace.loose = trace.loose.filter(({ activity }) => !trace.spans.has(activity.spanId ?? ''));
  trace.errorCount = trace.loose.filter(({ activity }) => isError(activity)).length;
  for (const { state } of trace.spans.values()) {
    if (state === 'running') trace.runningCount += 1;
    else if (state === 'started') trace.startedCount += 1;
    else if (state !== 'ok') trace.errorCount += 1;
  }
}

/** What a trace is called: the name of its root, or of the earliest span that is known. */
export function rootOf(trace: Trace): SpanRow | undefined {
  let first: SpanRow | undefined;
  for (const span of trace.spans.values()) {
    if (span.parentSpanId === undefined) return span;
    if (first === undefined || span.startUs < first.startUs) first = span;
  }
  return first;
}
