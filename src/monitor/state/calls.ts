import type { EngineLimits } from './bounds.ts';
import type { Call, Entry, SpanRow } from './model.ts';
import { isError, timeUsOf } from './span-row.ts';

interface CallRecord extends Call {
  entries: Entry[];
  spans: Map<string, SpanRow>;
}

/** Requests by call id, in the order in which they were first seen. */
export class CallTable {
  readonly #limits: EngineLimits;
  readonly #calls = new Map<string, CallRecord>();
  /** Whose counts are due at the end of the turn. */
  readonly #dirty = new Set<CallRecord>();
  #list: readonly Call[] | undefined;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  get(callId: string): Call | undefined {
    return this.#calls.get(callId);
  }

  /** Newest first. */
  list(): readonly Call[] {
    this.#list ??= [...this.#calls.values()].reverse();
    return this.#list;
  }

  /** `span` is the span that the entry starts, ends or is nested in. */
  add(entry: Entry, span: SpanRow | undefined): void {
    const { activity } = entry;
    const callId = activity.callId ?? span?.callId;
    if (callId === undefined) return;
    const call = this.#open(callId, activity.kind === 'span.end' && span ? span.startUs : timeUsOf(activity));
    call.revision += 1;
    call.entryCount += 1;
    call.entries.push(entry);
    if (call.entries.length > this.#limits.entriesPerCallMax) call.entries.shift();
    call.endUs = Math.max(call.endUs, timeUsOf(activity));
    if (isError(activity)) call.errorCount += 1;
    const isOfSpan = activity.kind === 'span.start' || activity.kind === 'span.end';
    if (!isOfSpan || span === undefined) return;
    if (call.spans.size < this.#limits.entriesPerCallMax) call.spans.set(span.key, span);
    this.recount(span);
  }

  recount(span: SpanRow): void {
    const call = span.callId === undefined ? undefined : this.#calls.get(span.callId);
    if (call === undefined) return;
    call.revision += 1;
    this.#dirty.add(call);
  }

  /** Ends a turn. */
  settle(): void {
    for (const call of this.#dirty) {
      call.runningCount = 0;
      for (const { state } of call.spans.values()) if (state === 'running') call.runningCount += 1;
    }
    this.#dirty.clear();
  }

  clear(): void {
    this.#calls.clear();
    this.#dirty.clear();
    this.#list = undefined;
  }

  #open(callId: string, startUs: number): CallRecord {
    let call = this.#calls.get(callId);
    if (call === undefined) {
      call = {
        callId,
        revision: 0,
        entries: [],
        entryCount: 0,
        spans: new Map(),
        runningCount: 0,
        errorCount: 0,
        startUs,
        endUs: startUs,
      };
      this.#calls.set(callId, call);
      this.#list = undefined;
      if (this.#calls.size > this.#limits.callsMax) {
        const [oldest] = this.#calls.keys();
        if (oldest !== undefined) this.#calls.delete(oldest);
      }
    }
    call.startUs = Math.min(call.startUs, startUs);
    return call;
  }
}
