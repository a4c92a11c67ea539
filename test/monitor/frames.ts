import type { Activity } from '../../src/activity/activity.ts';
import { formatTimeUs } from '../../src/activity/time.ts';
import type { Frame } from '../../src/monitor/state/model.ts';
import { createStore, type Store, type StoreOptions } from '../../src/monitor/state/store.ts';

export const START_MS = Date.UTC(2026, 10, 21, 14, 3, 20);
export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

let made = 0;

export function spanId(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** An activity `atMs` after the start of the test's time, in the order of making. */
export function activity(kind: Activity['kind'], atMs: number, more: Partial<Activity> = {}): Activity {
  made += 1;
  return {
    id: `01997b5e-3a6c-7c1e-b2a4-${made.toString(16).padStart(12, '0')}`,
    kind,
    name: 'work.done',
    time: formatTimeUs((START_MS + atMs) * 1_000),
    severity: 'info',
    attributes: {},
    ...more,
  };
}

export function frame(kind: Activity['kind'], atMs: number, more: Partial<Activity> = {}): Frame {
  const made_ = activity(kind, atMs, more);
  return { type: 'activity', cursor: `${START_MS + Math.floor(atMs)}-${made}`, activity: made_ };
}

export function start(number: number, atMs: number, more: Partial<Activity> = {}): Frame {
  return frame('span.start', atMs, { traceId: TRACE, spanId: spanId(number), service: 'gateway', ...more });
}

export function end(number: number, atMs: number, durationMs: number, more: Partial<Activity> = {}): Frame {
  const ids = { traceId: TRACE, spanId: spanId(number), service: 'gateway' };
  return frame('span.end', atMs, { ...ids, status: 'ok', durationMs, ...more });
}

export interface StoreAtTime {
  store: Store;
  /** The page's clock, ms after the start of the test's time. */
  setNow(atMs: number): void;
  /** Enqueues and applies everything. */
  apply(...frames: readonly Frame[]): void;
}

export function storeAtTime(options: StoreOptions = {}): StoreAtTime {
  let nowMs = START_MS;
  const store = createStore({ now: () => nowMs, tick: () => 0, ...options });
  return {
    store,
    setNow(atMs) {
      nowMs = START_MS + atMs;
      store.tick();
    },
    apply(...frames) {
      store.enqueue(frames, nowMs);
      while (store.flush(1_000) > 0);
    },
  };
}

/** A row as a word: `running a`, `ok b +2` (nested entries), `event c`, `gap 3`. */
export function describeRows(store: Store): string[] {
  return [...store.rows.value].map((row) => {
    if (row.type === 'span') return `${row.state} ${row.name}${row.nestedCount > 0 ? ` +${row.nestedCount}` : ''}`;
    return 'entry' in row ? `${row.type} ${row.entry.activity.name}` : `${row.type} ${row.missed}`;
  });
}
