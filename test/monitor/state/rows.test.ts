import { describe, expect, it } from 'vitest';
import { describeRows, end, frame, START_MS, spanId, start, storeAtTime, TRACE } from '../frames.ts';

const inSpan = (number: number) => ({ traceId: TRACE, spanId: spanId(number) });

describe('the rows', () => {
  it('appear at the start, run by their clock and are finished in place', () => {
    const { store, apply, setNow } = storeAtTime();
    apply(start(1, 0, { name: 'a' }));
    expect(describeRows(store)).toEqual(['running a']);
    const row = store.span(TRACE, spanId(1));
    if (row === undefined) throw new Error('no row');
    expect(row.sawStart).toBe(true);
    setNow(1_500);
    expect(store.elapsedMs(row, store.nowMs.value)).toBe(1_500);
    const { revision } = row;
    apply(end(1, 2_000, 2_000, { name: 'a' }));
    expect(describeRows(store)).toEqual(['ok a']);
    expect(store.span(TRACE, spanId(1))).toBe(row);
    expect(row).toMatchObject({ state: 'ok', durationMs: 2_000, sawStart: true });
    expect(row.revision).toBeGreaterThan(revision);
  });

  it('stand still in a pause, also by their clock: their ends are held back', () => {
    const { store, apply, setNow } = storeAtTime();
    apply(start(1, 0, { name: 'a' }));
    setNow(1_000);
    store.pauseRows('user');
    apply(end(1, 1_500, 1_500, { name: 'a' }));
    setNow(9_000);
    const row = store.span(TRACE, spanId(1));
    if (row === undefined) throw new Error('no row');
    expect(store.elapsedMs(row, store.nowMs.value)).toBe(1_000);
    store.resumeRows();
    setNow(10_000);
    apply();
    expect(describeRows(store)).toEqual(['ok a']);
    expect(store.nowMs.value).toBe(START_MS + 10_000);
  });

  it('stand in the order of the log, also where a filter lets events by without their spans', () => {
    const { store, apply } = storeAtTime();
    const event = (number: number, name: string) => frame('event', number, { name, ...inSpan(number) });
    apply(event(1, 'e1'), event(1, 'e2'), end(2, 2, 1, { name: 'b' }), event(3, 'e3'), end(4, 4, 1, { name: 'd' }));
    expect(describeRows(store)).toEqual(['ok d', 'event e3', 'ok b', 'event e2', 'event e1']);
    apply(end(1, 5, 5, { name: 'a' }));
    expect(describeRows(store)).toEqual(['ok a +2', 'ok d', 'event e3', 'ok b']);
  });

  it('keep running ones on top, newest first, and what is over below in the order of its end', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a' }), start(2, 1, { name: 'b' }), start(3, 2, { name: 'c' }));
    apply(frame('event', 3, { name: 'e' }), end(2, 4, 3, { name: 'b', status: 'error', severity: 'error' }));
    expect(describeRows(store)).toEqual(['running c', 'running a', 'error b', 'event e']);
    expect(store.rows.value.runningCount).toBe(2);
    expect([store.rows.value.at(-1), store.rows.value.at(4)]).toEqual([undefined, undefined]);
  });

  it('nest events under their span, whether they come after its start, before its end or alone', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a' }), frame('event', 1, { name: 'x', ...inSpan(1) }));
    expect(describeRows(store)).toEqual(['running a +1']);
    // A source that tells of ended spans: its events come directly before the end, in one turn or in two.
    apply(frame('event', 2, { name: 'y', ...inSpan(2) }), end(2, 3, 1, { name: 'b' }));
    expect(describeRows(store)).toEqual(['running a +1', 'ok b +1']);
    apply(frame('log', 4, { name: 'z', severity: 'error', ...inSpan(3) }));
    expect(describeRows(store)[1]).toBe('log z');
    apply(end(3, 5, 1, { name: 'c' }));
    expect(describeRows(store)).toEqual(['running a +1', 'ok c +1', 'ok b +1']);
    expect(store.span(TRACE, spanId(3))).toMatchObject({ nestedErrorCount: 1 });
  });

  it('never say that a span ran live whose start was not seen', () => {
    const { store, apply } = storeAtTime();
    apply(end(1, 500, 200, { name: 'a' }));
    const row = store.span(TRACE, spanId(1));
    expect(row).toMatchObject({ sawStart: false, state: 'ok', durationMs: 200 });
    expect((row?.endUs ?? 0) - (row?.startUs ?? 0)).toBe(200_000);
    expect(store.rows.value.runningCount).toBe(0);
    // The start arrives late: known, but it does not run again.
    apply(start(1, 300, { name: 'a' }));
    expect(describeRows(store)).toEqual(['ok a']);
    expect(row?.sawStart).toBe(true);
  });

  it('mark spans of a lost instance, take the mark away when it is back, and let a late end win', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a', instance: 'i1' }), start(2, 1, { name: 'b', instance: 'i2' }));
    apply(frame('notice', 2, { name: 'livespan.instance_lost', instance: 'i1', severity: 'warn' }));
    expect(describeRows(store)).toEqual(['running b', 'notice livespan.instance_lost', 'lost a'].sort(byRunning));
    expect(store.totals.value).toMatchObject({ running: 1, lost: 1 });
    apply(frame('notice', 3, { name: 'livespan.instance_back', instance: 'i1', severity: 'warn' }));
    expect(store.rows.value.runningCount).toBe(2);
    apply(frame('notice', 4, { name: 'livespan.instance_stopped', instance: 'i1' }));
    expect(store.span(TRACE, spanId(1))?.state).toBe('lost');
    apply(end(1, 5, 5, { name: 'a', instance: 'i1' }));
    expect(store.span(TRACE, spanId(1))).toMatchObject({ state: 'ok', lost: undefined });
    expect(describeRows(store).filter((row) => row.endsWith(' a'))).toEqual(['ok a']);
    expect(store.totals.value).toMatchObject({ running: 1, lost: 0 });
  });

  it('show holes and breaks where they happened, and count them', () => {
    const { store, apply } = storeAtTime();
    apply(frame('event', 0, { name: 'a' }), { type: 'gap', cursor: '5-5', missed: 412 });
    apply({ type: 'lagged', cursor: '6-6', missed: 3, sampled: 4 }, { type: 'reset', cursor: '7-0' });
    apply(frame('event', 1, { name: 'b' }), { type: 'lagged', cursor: '8-8', missed: 0, sampled: 1 });
    expect(describeRows(store)).toEqual(['event b', 'reset 0', 'lagged 3', 'gap 412', 'event a']);
    expect(store.loss.value).toMatchObject({ missed: 415, gaps: 1, lags: 1, resets: 1, sampled: 1 });
    expect(store.loss.value.entries.map(({ type, cursor }) => `${type} ${cursor}`)).toEqual([
      'reset 7-0',
      'lagged 6-6',
      'gap 5-5',
    ]);
  });

  it('sort by duration, running ones by how long they have run', () => {
    const { store, apply, setNow } = storeAtTime();
    apply(start(1, 0, { name: 'a' }), end(2, 10, 3_000, { name: 'b' }), end(3, 20, 10, { name: 'c' }));
    apply(frame('event', 30, { name: 'e' }));
    store.order.value = 'duration';
    setNow(2_000);
    expect(describeRows(store)).toEqual(['ok b', 'running a', 'ok c', 'event e']);
    setNow(4_000);
    expect(describeRows(store)).toEqual(['running a', 'ok b', 'ok c', 'event e']);
  });
});

/** The order of the notice and the lost rows is not what this test is about. */
function byRunning(a: string, b: string): number {
  const rank = (row: string): number => ['running', 'lost', 'notice'].findIndex((word) => row.startsWith(word));
  return rank(a) - rank(b);
}
