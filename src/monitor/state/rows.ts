import type { EngineLimits } from './bounds.ts';
import type { BreakRow, Entry, EntryRow, LostMark, Row, RowList, SpanRow } from './model.ts';
import { endSpan, isError, nest, newSpanRow, spanKey, startSpan, timeUsOf } from './span-row.ts';

/**
 * The rows of the live view: spans that run, in the order of their start, and what is over, in the order in which it
 * ended. Events come before or after the row of their span; they end up nested in it either way.
 */
export class RowTable {
  readonly #limits: EngineLimits;
  /** Every span on the page, by key. */
  readonly #spans = new Map<string, SpanRow>();
  readonly #running = new Map<string, SpanRow>();
  /** Oldest first. */
  #settled: Row[] = [];
  /** Rows of `#settled` that are to be taken out. */
  readonly #gone = new Set<Row>();
  /** Rows of events whose span may still come. */
  readonly #orphans = new Map<string, EntryRow[]>();
  /** Events of one span that came together before it: most often it follows directly. */
  #limbo: Entry[] = [];
  #limboKey = '';
  evicted = 0;
  /** Ends may not be seen: a start alone does not tell that its span runs. */
  areEndsHidden = false;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  span(key: string): SpanRow | undefined {
    return this.#spans.get(key);
  }

  runningSpans(): Iterable<SpanRow> {
    return this.#running.values();
  }

  /** `span.start` or `span.end` with a span id. */
  addSpan(entry: Entry, spanId: string): SpanRow {
    const { activity } = entry;
    const key = spanKey(activity.traceId, spanId);
    if (key !== this.#limboKey) this.#settleLimbo();
    let row = this.#spans.get(key);
    const isNew = row === undefined;
    if (row === undefined) {
      row = newSpanRow(activity, spanId);
      this.#spans.set(key, row);
    }
    if (activity.kind === 'span.start') {
      startSpan(row, entry);
      if (isNew && this.areEndsHidden) {
        row.state = 'started';
        this.#settled.push(row);
      } else if (isNew) this.#run(row);
    } else {
      const wasLost = row.state === 'lost';
      endSpan(row, entry);
      if (!this.#running.delete(key) && !isNew && !wasLost) return row;
      // A lost span that ends after all moves to where it ended.
      if (wasLost) this.#takeOut(row);
      this.#settled.push(row);
    }
    if (isNew) this.#adoptOrphans(row);
    return row;
  }

  /** An event, log record or notice. Returns the span it is nested in, if that is known already. */
  addEntry(entry: Entry): SpanRow | undefined {
    const { kind, traceId, spanId } = entry.activity;
    const key = spanId === undefined ? '' : spanKey(traceId, spanId);
    if (key !== this.#limboKey) this.#settleLimbo();
    if (kind === 'notice' || spanId === undefined) {
      this.#settled.push(entryRow(entry));
      return undefined;
    }
    const row = this.#spans.get(key);
    if (row !== undefined) nest(row, entry, this.#limits.nestedMax);
    else {
      this.#limboKey = key;
      this.#limbo.push(entry);
    }
    return row;
  }

  addBreak(row: BreakRow): void {
    this.#settleLimbo();
    this.#settled.push(row);
  }

  /** The instance was lost (or stopped with spans open): what it runs will not end. */
  loseInstance(instance: string, mark: LostMark): SpanRow[] {
    const lost = [...this.#running.values()].filter((row) => row.instance === instance);
    for (const row of lost) {
      this.#running.delete(row.key);
      row.state = 'lost';
      row.lost = mark;
      row.revision += 1;
      this.#settled.push(row);
    }
    return lost;
  }

  /** Something was not seen: what runs may have ended in it. */
  loseSight(): SpanRow[] {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const row of running) {
      row.state = 'started';
      row.revision += 1;
      this.#settled.push(row);
    }
    return running;
  }

  /** The instance shows life again: its lost spans run on. */
  regainInstance(instance: string): SpanRow[] {
    const back: SpanRow[] = [];
    for (const row of this.#spans.values()) {
      if (row.state !== 'lost' || row.instance !== instance) continue;
      row.state = 'running';
      row.lost = undefined;
      row.revision += 1;
      this.#takeOut(row);
      this.#running.set(row.key, row);
      back.push(row);
    }
    return back;
  }

  /** Ends a turn: events whose span did not come get a row of their own, and the bounds are kept. */
  settle(): void {
    this.#settleLimbo();
    if (this.#gone.size > 0) {
      this.#settled = this.#settled.filter((row) => !this.#gone.has(row));
      this.#gone.clear();
    }
    // With some slack, so that the copy is made once in a thousand rows.
    if (this.#settled.length > this.#limits.rowsMax * 1.1) this.#evict();
  }

  list(): RowList {
    const running = [...this.#running.values()].reverse();
    const settled = this.#settled;
    const settledCount = settled.length;
    return rowList(running.length, running.length + settledCount, (index) =>
      index < running.length ? running[index] : settled[settledCount - 1 - (index - running.length)],
    );
  }

  /** Longest first; rows without a duration last, newest first. */
  listByDuration(nowMs: number): RowList {
    const measure = (row: Row): number =>
      row.type !== 'span' ? -1 : (row.durationMs ?? (row.state === 'running' ? nowMs - row.startUs / 1_000 : 0));
    const sorted = [...this.list()].map((row) => ({ row, ms: measure(row) })).sort((a, b) => b.ms - a.ms);
    return rowList(0, sorted.length, (index) => sorted[index]?.row);
  }

  find(key: string): Row | undefined {
    return this.#spans.get(key) ?? this.#settled.findLast((row) => row.key === key);
  }

  clear(): void {
    this.#spans.clear();
    this.#running.clear();
    this.#settled = [];
    this.#gone.clear();
    this.#orphans.clear();
    this.#limbo = [];
    this.evicted = 0;
  }

  #run(row: SpanRow): void {
    this.#running.set(row.key, row);
    if (this.#running.size <= this.#limits.runningMax) return;
    // The one that has run longest: too many to show them all, and it is counted.
    const [oldest] = this.#running.values();
    if (oldest !== undefined) {
      this.#running.delete(oldest.key);
      this.#forget(oldest);
    }
  }

  #takeOut(row: Row): void {
    // Not by `#gone`: it may be put in again in the same turn, at another place.
    this.#settled = this.#settled.filter((held) => held !== row);
  }

  /** Before anything else comes, so that all stand in the order of the log. */
  #settleLimbo(): void {
    if (this.#limbo.length === 0) return;
    for (const entry of this.#limbo) this.#settleOrphan(entry);
    this.#limbo = [];
  }

  #settleOrphan(entry: Entry): void {
    const { traceId, spanId = '' } = entry.activity;
    const key = spanKey(traceId, spanId);
    const span = this.#spans.get(key);
    if (span !== undefined) {
      nest(span, entry, this.#limits.nestedMax);
      return;
    }
    const row = entryRow(entry);
    this.#settled.push(row);
    const waiting = this.#orphans.get(key);
    if (waiting !== undefined) waiting.push(row);
    else this.#orphans.set(key, [row]);
    if (this.#orphans.size > this.#limits.runningMax) {
      const [oldest] = this.#orphans.keys();
      if (oldest !== undefined) this.#orphans.delete(oldest);
    }
  }

  #adoptOrphans(row: SpanRow): void {
    const orphans = this.#orphans.get(row.key);
    if (orphans === undefined) return;
    this.#orphans.delete(row.key);
    for (const orphan of orphans) {
      this.#gone.add(orphan);
      nest(row, orphan.entry, this.#limits.nestedMax);
    }
  }

  /** Takes the oldest rows off, errors last. */
  #evict(): void {
    const { rowsMax, errorRowsMax } = this.#limits;
    const excess = this.#settled.length - rowsMax;
    const oldest = this.#settled.slice(0, excess + errorRowsMax);
    const errors = oldest.filter(isErrorRow);
    const spare = new Set(errors.slice(-errorRowsMax));
    let toDrop = excess;
    const kept = this.#settled.filter((row) => {
      if (toDrop === 0 || spare.has(row)) return true;
      toDrop -= 1;
      this.#forget(row);
      return false;
    });
    // More errors than may be spared: they go too, oldest first.
    for (const row of kept.splice(0, Math.max(0, kept.length - rowsMax))) this.#forget(row);
    this.#settled = kept;
  }

  #forget(row: Row): void {
    this.evicted += 1;
    if (row.type === 'span') this.#spans.delete(row.key);
    else if (row.type === 'event' || row.type === 'log') {
      const { traceId, spanId } = row.entry.activity;
      if (spanId !== undefined) this.#orphans.delete(spanKey(traceId, spanId));
    }
  }
}

/** The running ones of a list, in its order. */
export function onlyRunning(list: RowList): RowList {
  if (list.runningCount > 0) return rowList(list.runningCount, list.runningCount, list.at);
  const running = [...list].filter((row) => row.type === 'span' && row.state === 'running');
  return rowList(running.length, running.length, (index) => running[index]);
}

export function isErrorRow(row: Row): boolean {
  if (row.type === 'span') return row.state === 'error' || row.state === 'lost' || row.nestedErrorCount > 0;
  return 'entry' in row ? isError(row.entry.activity) : true;
}

export function entryRow(entry: Entry): EntryRow {
  const { kind } = entry.activity;
  const type = kind === 'log' || kind === 'notice' ? kind : 'event';
  return { type, key: entry.cursor, revision: 0, entry, timeUs: timeUsOf(entry.activity) };
}

function rowList(runningCount: number, count: number, at: (index: number) => Row | undefined): RowList {
  return {
    count,
    runningCount,
    at: (index) => (index >= 0 && index < count ? at(index) : undefined),
    *[Symbol.iterator]() {
      for (let index = 0; index < count; index += 1) {
        const row = at(index);
        if (row !== undefined) yield row;
      }
    },
  };
}
