import type { Activity } from '../../activity/activity.ts';
import { compareCursors } from '../../activity/cursor.ts';
import { createEngine, type Engine } from './engine.ts';
import type { Call, Entry, Frame, Row, Selection, Trace } from './model.ts';
import { entryRow } from './rows.ts';

/** Of one record all is shown that the log has: as much as a search reads. */
const NESTED_MAX = 20_000;

/** A record that was looked for in the log: beside the rows, so that the list stays what it is, and as whole as the log has it. */
export class FoundRecord {
  #engine: Engine | undefined;
  /** By cursor: an event that hangs under its span is no row there, but may be what was asked for. */
  #entries = new Map<string, Entry>();
  #belongs: ((activity: Activity) => boolean) | undefined;
  /** What came live since the search began. */
  #news: Frame[] = [];

  /** The search begins: what comes live from now on belongs to it too. */
  expect(selection: Selection): void {
    this.#belongs = belongsTo(selection);
    this.#news = [];
  }

  show(frames: readonly Frame[], atMs: number): void {
    const last = frames.at(-1)?.cursor ?? '';
    const isNews = ({ cursor }: Frame): boolean => compareCursors(cursor, last) > 0;
    const engine = createEngine({ nestedMax: NESTED_MAX });
    this.#engine = engine;
    this.#entries.clear();
    this.#apply(engine, [...frames, ...this.#news.filter(isNews)], atMs);
    this.#news = [];
  }

  /** Frames of the live feed. Returns whether what is shown has changed. */
  see(frames: readonly Frame[], atMs: number): boolean {
    const belongs = this.#belongs;
    if (belongs === undefined) return false;
    const news = frames.filter((frame) => frame.type === 'activity' && belongs(frame.activity));
    if (news.length === 0) return false;
    if (this.#engine === undefined) this.#news.push(...news);
    else this.#apply(this.#engine, news, atMs);
    return this.#engine !== undefined;
  }

  row(key: string): Row | undefined {
    const row = this.#engine?.row(key);
    if (row !== undefined) return row;
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : entryRow(entry);
  }

  trace(traceId: string): Trace | undefined {
    return this.#engine?.traces.get(traceId);
  }

  call(callId: string): Call | undefined {
    return this.#engine?.calls.get(callId);
  }

  /** Whether a span of it runs. */
  get isRunning(): boolean {
    return (this.#engine?.rows().runningCount ?? 0) > 0;
  }

  #apply(engine: Engine, frames: readonly Frame[], atMs: number): void {
    for (const frame of frames) if (frame.type === 'activity') this.#entries.set(frame.cursor, frame);
    engine.enqueue(frames, atMs);
    engine.work(Number.POSITIVE_INFINITY, () => 0);
  }
}

function belongsTo(selection: Selection): (activity: Activity) => boolean {
  const isSign = ({ kind, name }: Activity): boolean => kind === 'notice' && name.startsWith('livespan.instance_');
  if (selection.type === 'call') return (activity) => activity.callId === selection.callId || isSign(activity);
  const traceId = selection.type === 'trace' ? selection.traceId : selection.key.split('/', 1)[0];
  return (activity) => activity.traceId === traceId || isSign(activity);
}
