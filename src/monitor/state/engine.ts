import type { Activity } from '../../activity/activity.ts';
import { AppClock } from './app-clock.ts';
import { type EngineLimits, LIMITS } from './bounds.ts';
import { CallTable } from './calls.ts';
import { FrameQueue, type Waiting } from './frame-queue.ts';
import { KnownValues } from './known.ts';
import { LossBook } from './losses.ts';
import type { Call, Entry, Frame, Loss, LostMark, Row, RowList, SpanRow, Totals, Trace } from './model.ts';
import { RateMeter } from './rates.ts';
import { RowTable } from './rows.ts';
import { ServiceTable } from './services.ts';
import { isError, spanKey, timeUsOf } from './span-row.ts';
import { TraceTable } from './traces.ts';

export type { EngineLimits } from './bounds.ts';

/** The clock is asked once in so many frames. */
const FRAMES_BETWEEN_LOOKS = 32;

interface Counts {
  activities: number;
  errors: number;
  spansStarted: number;
  spansEnded: number;
  invalid: number;
}

/**
 * Turns frames into what the page shows, in two steps: figures (counts, rates, services, losses) take everything at once
 * and exactly, also while the rows are held; rows, traces and calls follow, as much as the time allows.
 */
export class Engine {
  readonly traces: TraceTable;
  readonly calls: CallTable;
  readonly services: ServiceTable;
  readonly rates = new RateMeter();
  readonly known = new KnownValues();
  readonly #rows: RowTable;
  readonly #losses = new LossBook();
  readonly #clock = new AppClock();
  /** Holes in which spans may have ended. */
  readonly #blindSpots = new WeakSet<Frame>();
  readonly #queue: FrameQueue;
  #counts: Counts = { ...NONE };

  constructor(limits: EngineLimits) {
    this.#rows = new RowTable(limits);
    this.traces = new TraceTable(limits);
    this.calls = new CallTable(limits);
    this.services = new ServiceTable(limits);
    this.#queue = new FrameQueue(
      limits,
      (waiting) => this.#count(waiting),
      (activity) => this.#isOpen(activity),
    );
  }

  enqueue(frames: readonly Frame[], receivedMs: number): void {
    this.#queue.push(frames, receivedMs);
  }

  /** Rows, traces and calls stand still while `isHeld`; afterwards they get what was kept. */
  hold(isHeld: boolean): void {
    this.#queue.hold(isHeld);
  }

  held(): { count: number; trimmed: number } {
    return this.#queue.held();
  }

  backlog(): number {
    return this.#queue.length;
  }

  /** Works until `untilMs` by `tick` or until nothing waits. Returns whether a row may have changed. */
  work(untilMs: number, tick: () => number): boolean {
    let done = 0;
    let isChanged = false;
    for (let next = this.#queue.next(); next !== undefined; next = this.#queue.next()) {
      if (next.isShown) {
        this.#show(next.waiting);
        isChanged = true;
      }
      done += 1;
      if (done % FRAMES_BETWEEN_LOOKS === 0 && tick() >= untilMs) break;
    }
    this.#rows.settle();
    this.traces.settle();
    this.calls.settle();
    return isChanged;
  }

  countInvalid(lines: number): void {
    this.#counts.invalid += lines;
  }

  rows(): RowList {
    return this.#rows.list();
  }

  rowsByDuration(nowMs: number): RowList {
    return this.#rows.listByDuration(nowMs);
  }

  row(key: string): Row | undefined {
    return this.#rows.find(key);
  }

  trace(traceId: string): Trace | undefined {
    return this.traces.get(traceId);
  }

  call(callId: string): Call | undefined {
    return this.calls.get(callId);
  }

  span(traceId: string | undefined, spanId: string): SpanRow | undefined {
    const onPage = this.#rows.span(spanKey(traceId, spanId));
    return onPage ?? (traceId === undefined ? undefined : this.traces.get(traceId)?.spans.get(spanId));
  }

  totals(): Totals {
    return {
      ...this.#counts,
      running: this.services.running,
      lost: this.services.lost,
      evicted: this.#rows.evicted + this.#queue.omitted,
    };
  }

  loss(): Loss {
    return this.#losses.get();
  }

  /** ms by which the clock of the page is ahead of that of the applications. */
  clockOffsetMs(): number {
    return this.#clock.offsetMs();
  }

  /** Where ends may not be seen, nothing is said to run. Takes effect for what comes. */
  hideEnds(areHidden: boolean): void {
    this.#rows.areEndsHidden = areHidden;
    this.services.areEndsHidden = areHidden;
  }

  /** ms by which the clock of the page is ahead of that of the log. */
  setLogClock(offsetMs: number): void {
    this.#clock.setLogOffset(offsetMs);
  }

  clear(): void {
    this.#queue.clear();
    this.#rows.clear();
    this.traces.clear();
    this.calls.clear();
    this.services.clear();
    this.rates.clear();
    this.#losses.clear();
    this.#counts = { ...NONE };
  }

  /** Figures: everything, at once, however long the rows are held. */
  #count({ frame, receivedMs }: Waiting): void {
    if (frame.type === 'position' || frame.type === 'omitted') return;
    if (frame.type !== 'activity') {
      if (mayHoldEnds(frame, this.#losses.get().sampled)) {
        this.#blindSpots.add(frame);
        this.services.loseSight();
      }
      this.#losses.add(frame, receivedMs);
      return;
    }
    const { activity, cursor } = frame;
    const { kind } = activity;
    const timeMs = timeUsOf(activity) / 1_000;
    const failed = isError(activity);
    this.#counts.activities += 1;
    if (failed) this.#counts.errors += 1;
    this.#measure(activity, timeMs, failed);
    if (kind === 'span.start') {
      this.#counts.spansStarted += 1;
      this.#clock.see(cursor, timeMs);
    } else if (kind === 'span.end') {
      this.#counts.spansEnded += 1;
    } else if (kind === 'notice' && activity.name === 'livespan.dropped') {
      this.#losses.addDropped(cursor, activity, receivedMs);
    }
    this.services.add(activity, timeMs, failed);
    this.known.add(activity);
  }

  /** What came before the rows, for the figures that tell of the last minute. */
  addPast(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.type !== 'activity') continue;
      const { activity } = frame;
      this.#measure(activity, timeUsOf(activity) / 1_000, isError(activity));
    }
  }

  #measure({ kind, durationMs }: Activity, timeMs: number, failed: boolean): void {
    this.rates.add(timeMs, failed);
    if (kind === 'span.end') this.rates.addEnded(timeMs, failed, durationMs);
  }

  /** Rows, traces and calls. */
  #show({ frame, receivedMs }: Waiting): void {
    if (frame.type === 'position') return;
    if (frame.type !== 'activity') {
      const missed = frame.type === 'reset' ? 0 : frame.missed;
      const { type, cursor } = frame;
      if (missed > 0 || type === 'reset') {
        this.#rows.addBreak({ type, key: `${type}:${cursor}`, revision: 0, cursor, missed, atMs: receivedMs });
      }
      if (frame.type === 'omitted' ? frame.isBlind : this.#blindSpots.has(frame)) this.#recount(this.#rows.loseSight());
      return;
    }
    const entry: Entry = { cursor: frame.cursor, activity: frame.activity };
    const { kind, spanId, instance } = frame.activity;
    if ((kind === 'span.start' || kind === 'span.end') && spanId !== undefined) {
      const span = this.#rows.addSpan(entry, spanId);
      this.traces.addSpan(span, entry);
      this.calls.add(entry, span);
      return;
    }
    const span = this.#rows.addEntry(entry);
    this.traces.addEntry(entry, span);
    this.calls.add(entry, span);
    if (kind === 'notice' && instance !== undefined) this.#watchInstance(frame.activity, instance);
  }

  /** A span of the page, be it in its trace or its call alone, whose end was not shown yet. */
  #isOpen({ traceId, spanId = '', callId = '' }: Activity): boolean {
    const span = this.span(traceId, spanId) ?? this.calls.get(callId)?.spans.get(spanKey(traceId, spanId));
    return span !== undefined && span.end === undefined;
  }

  #watchInstance(notice: Activity, instance: string): void {
    const { name } = notice;
    const changed =
      name === 'livespan.instance_lost' || name === 'livespan.instance_stopped'
        ? this.#rows.loseInstance(instance, this.#markOf(notice))
        : name === 'livespan.instance_back' || name === 'livespan.instance_started'
          ? this.#rows.regainInstance(instance)
          : [];
    this.#recount(changed);
  }

  #recount(changed: readonly SpanRow[]): void {
    for (const span of changed) {
      this.traces.recount(span);
      this.calls.recount(span);
    }
  }

  #markOf(notice: Activity): LostMark {
    const silentMs = notice.attributes[SILENT];
    const why = notice.name === 'livespan.instance_lost' ? 'silent' : 'stopped';
    // The log itself writes that an instance is lost, at its own time.
    const sinceMs = typeof silentMs === 'number' ? this.#clock.ofLog(timeUsOf(notice) / 1_000 - silentMs) : undefined;
    return { why, sinceMs };
  }
}

/**
 * Whether ends may be among what was missed. What is left out because the server samples has none; what was skipped has,
 * and after that the server samples otherwise than before, or not at all.
 * @param sampled one in so many was sent before
 */
function mayHoldEnds(frame: Exclude<Frame, { type: 'activity' | 'position' }>, sampled: number): boolean {
  if (frame.type === 'reset') return true;
  return frame.missed > 0 && (frame.type === 'gap' || frame.sampled !== sampled);
}

const SILENT = 'livespan.silent_ms';
const NONE: Readonly<Counts> = { activities: 0, errors: 0, spansStarted: 0, spansEnded: 0, invalid: 0 };

export function createEngine(limits: Partial<EngineLimits> = {}): Engine {
  return new Engine({ ...LIMITS, ...limits });
}
