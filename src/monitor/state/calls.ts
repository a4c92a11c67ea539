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
  /** Entries of all calls. */
  #entryCount = 0;

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
    else this.#entryCount += 1;
    call.endUs = Math.max(call.endUs, timeUsOf(activity));
    if (isError(activity)) call.errorCount += 1;
    const isOfSpan = activity.kind === 'span.start' || activity.kind === 'span.end';
    if (isOfSpan && span !== undefined) {
      this.#keep(call, span);
      this.recount(span);
    }
    if (this.#entryCount > this.#limits.callEntriesMax) this.#evict();
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
    this.#entryCount = 0;
  }

  /** The first span stays, it tells what the call is; of the others the newest. */
  #keep({ spans }: CallRecord, span: SpanRow): void {
    spans.set(span.key, span);
    if (spans.size <= this.#limits.entriesPerCallMax) return;
    const [, second] = spans.keys();
    if (second !== undefined) spans.delete(second);
  }

  /** The call that was seen first. */
  #evict(): void {
    const [oldest] = this.#calls.values();
    if (oldest === undefined) return;
    this.#calls.delete(oldest.callId);
    this.#entryCount -= oldest.entries.length;
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
      if (this.#calls.size > this.#limits.callsMax) this.#evict();
    }
    call.startUs = Math.min(call.startUs, startUs);
    return call;
  }
}
