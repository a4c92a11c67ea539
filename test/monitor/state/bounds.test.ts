import { beforeAll, describe, expect, it } from 'vitest';
import { loadThinning } from '../../../src/monitor/state/frame-queue.ts';
import type { Frame } from '../../../src/monitor/state/model.ts';
import type { Store } from '../../../src/monitor/state/store.ts';
import { describeRows, end, frame, spanId, start, storeAtTime, TRACE } from '../frames.ts';

beforeAll(loadThinning);

const LIMITS = {
  rowsMax: 100,
  errorRowsMax: 20,
  runningMax: 50,
  tracesMax: 10,
  callsMax: 10,
  heldMax: 60,
  queueMax: 400,
};

describe('the bounds', () => {
  it('hold the rows, spare errors, and keep every count', () => {
    const { store, apply } = storeAtTime({ limits: LIMITS });
    apply(...Array.from({ length: 10 }, (_, i) => frame('event', i, { name: 'bad', severity: 'error' })));
    for (let i = 0; i < 1_000; i += 1) apply(frame('event', 20 + i, { name: 'fine' }));
    const rows = describeRows(store);
    expect(rows.length).toBeLessThanOrEqual(LIMITS.rowsMax * 1.1);
    expect(rows.filter((row) => row === 'event bad')).toHaveLength(10);
    expect(store.totals.value).toMatchObject({ activities: 1_010, errors: 10 });
    expect(store.totals.value.evicted).toBe(1_010 - rows.length);
    // More errors than are spared: the bound holds all the same.
    for (let i = 0; i < 1_000; i += 1) apply(frame('event', 2_000 + i, { name: 'bad', severity: 'error' }));
    expect(store.rows.value.count).toBeLessThanOrEqual(LIMITS.rowsMax * 1.1);
  });

  it('hold what runs, traces and calls', () => {
    const { store, apply } = storeAtTime({ limits: LIMITS });
    for (let i = 1; i <= 500; i += 1) {
      apply(start(i, i, { traceId: i.toString(16).padStart(32, '0'), callId: `call-${i}` }));
    }
    expect(store.rows.value.runningCount).toBe(LIMITS.runningMax);
    expect(store.traces.value).toHaveLength(LIMITS.tracesMax);
    expect(store.calls.value.map(({ callId }) => callId)).toEqual(
      Array.from({ length: LIMITS.callsMax }, (_, i) => `call-${500 - i}`),
    );
    expect(store.totals.value.spansStarted).toBe(500);
  });

  it('hold what all traces and all calls keep together, and let the oldest go', () => {
    const { store, apply } = storeAtTime({
      limits: { traceSpansMax: 200, callEntriesMax: 300, entriesPerCallMax: 100 },
    });
    for (let i = 0; i < 1_000; i += 1) {
      const ids = { traceId: (1 + Math.floor(i / 40)).toString(16).padStart(32, '0'), callId: `call-${i >> 6}` };
      apply(start(i + 1, i, ids), end(i + 1, i, 0, ids));
    }
    expect(store.traces.value.map(({ spans }) => spans.size)).toEqual([40, 40, 40, 40, 40]);
    expect(store.calls.value.map(({ callId }) => callId)).toEqual(['call-15', 'call-14', 'call-13']);
    expect(store.calls.value.map(({ entries }) => entries.length)).toEqual([80, 100, 100]);
  });

  it('keep the newest spans of a long call, and the one that began it', () => {
    const { store, apply } = storeAtTime({ limits: { entriesPerCallMax: 10 } });
    for (let i = 1; i <= 50; i += 1) apply(start(i, i, { callId: 'long' }), end(i, i, 0, { callId: 'long' }));
    const spans = [...(store.call('long')?.spans.values() ?? [])].map((span) => span.spanId);
    expect(spans).toEqual([1, ...Array.from({ length: 9 }, (_, i) => 42 + i)].map(spanId));
  });

  it('keep at most 64 nested entries of a span, errors before others, and the exact count', () => {
    const { store, apply } = storeAtTime();
    const ids = { traceId: TRACE, spanId: spanId(1) };
    apply(start(1, 0), frame('event', 1, { ...ids, name: 'bad', severity: 'error' }));
    apply(...Array.from({ length: 300 }, (_, i) => frame('event', 2 + i, ids)));
    const row = store.span(TRACE, spanId(1));
    expect(row).toMatchObject({ nestedCount: 301, nestedErrorCount: 1 });
    expect(row?.nested).toHaveLength(64);
    expect(row?.nested[0]?.activity.name).toBe('bad');
  });

  it('coalesce a burst without losing an error or a count', () => {
    const { store } = storeAtTime({ limits: LIMITS });
    const burst = Array.from({ length: 5_000 }, (_, i) =>
      frame('event', i, i % 100 === 0 ? { name: 'bad', severity: 'error' } : {}),
    );
    for (let i = 0; i < burst.length; i += 50) store.enqueue(burst.slice(i, i + 50));
    expect(store.backlog).toBeLessThanOrEqual(LIMITS.queueMax * 2);
    while (store.flush(1_000) > 0);
    expect(store.totals.value).toMatchObject({ activities: 5_000, errors: 50 });
    expect(describeRows(store).filter((row) => row === 'event bad').length).toBeGreaterThanOrEqual(LIMITS.errorRowsMax);
  });

  it('apply a burst in parts, as the time allows, and say how far behind they are', () => {
    let tick = 0;
    const { store } = storeAtTime({ tick: () => (tick += 1) });
    store.enqueue(Array.from({ length: 10_000 }, (_, i) => end(i + 1, i, 1)));
    const left = store.flush(3);
    expect(left).toBeGreaterThan(9_000);
    expect(left).toBeLessThan(10_000);
    expect(store.behind.value).toBe(left);
    while (store.flush(50) > 0);
    expect(store.behind.value).toBe(0);
    expect(store.totals.value.spansEnded).toBe(10_000);
    expect(store.rows.value.count).toBe(10_000);
  });

  it('hold under a hundred thousand activities', () => {
    const { store } = storeAtTime();
    for (let i = 0; i < 50; i += 1) {
      const base = i * 1_000;
      const frames = Array.from({ length: 1_000 }, (_, k) => {
        const ids = { traceId: (base + k + 1).toString(16).padStart(32, '0'), callId: `call-${base + k}` };
        return [start(k + 1, base + k, ids), end(k + 1, base + k + 1, 1, ids)];
      }).flat();
      store.enqueue(frames);
      while (store.flush(1_000) > 0);
    }
    expect(store.totals.value).toMatchObject({ activities: 100_000, running: 0 });
    expect(store.rows.value.count).toBeLessThanOrEqual(11_000);
    expect(store.traces.value.length).toBeLessThanOrEqual(500);
  }, 60_000);
});

describe('what was given up for the rows', () => {
  const IDS = { callId: 'call-1', instance: 'i1' };
  const events = (count: number, fromMs: number, more = {}) =>
    Array.from({ length: count }, (_, i) => frame('event', fromMs + i, more));
  const pairs = (count: number, from: number) =>
    Array.from({ length: count }, (_, i) => [start(from + i, from + i), end(from + i, from + i, 0)]).flat();
  const errors = (count: number, fromMs: number) => events(count, fromMs, { name: 'bad', severity: 'error' });
  const stateOf = (store: Store, number: number) => store.span(TRACE, spanId(number))?.state;
  const omittedOf = (store: Store) =>
    [...store.rows.value].reduce((sum, row) => sum + (row.type === 'omitted' ? row.missed : 0), 0);
  const flushAll = (store: Store) => {
    while (store.flush(1_000) > 0);
  };

  it('is never the end of a span that is shown or will be, in a burst', () => {
    const { store, apply } = storeAtTime({ limits: { ...LIMITS, rowsMax: 1_000 } });
    apply(start(1, 0, IDS), start(2, 0, IDS));
    const failing = { severity: 'error' as const };
    store.enqueue([...events(50, 1), end(1, 51, 51, IDS), start(3, 52, failing), end(3, 53, 1), ...pairs(300, 100)]);
    expect(store.backlog).toBeLessThan(400);
    flushAll(store);
    expect([1, 2, 3].map((number) => stateOf(store, number))).toEqual(['ok', 'running', 'ok']);
    expect(store.rows.value.runningCount).toBe(1);
    expect(store.trace(TRACE)?.runningCount).toBe(1);
    expect(store.call('call-1')?.runningCount).toBe(1);
    expect(store.totals.value).toMatchObject({ spansStarted: 303, spansEnded: 302, activities: 655, running: 1 });
    const omitted = omittedOf(store);
    expect(omitted).toBeGreaterThan(200);
    expect(store.totals.value.evicted).toBe(omitted);
  });

  it('is never the end of a span whose start was kept by a pause before', () => {
    let tick = 0;
    const { store } = storeAtTime({ tick: () => (tick += 1), limits: { ...LIMITS, heldMax: 1_000 } });
    store.pauseRows('user');
    store.enqueue([...events(200, 0), start(1, 1)]);
    flushAll(store);
    store.resumeRows();
    store.flush(1);
    expect(stateOf(store, 1)).toBeUndefined();
    store.enqueue([end(1, 2, 1), ...events(500, 3)]);
    flushAll(store);
    expect(stateOf(store, 1)).toBe('ok');
    expect(store.rows.value.runningCount).toBe(0);
  });

  it('is never the end of a span that is shown, in a pause, and stands in the list as a number', () => {
    const { store, apply } = storeAtTime({ limits: LIMITS });
    apply(start(1, 0, IDS), start(2, 0));
    store.pauseRows('user');
    apply(end(1, 1, 1, IDS));
    for (let i = 0; i < 20; i += 1) apply(...events(10, 10 + i), ...pairs(20, 100 + i * 20));
    expect(stateOf(store, 1)).toBe('running');
    const { newCount = 0, trimmed = 0 } = store.pause.value ?? {};
    expect(newCount).toBe(1 + 20 * 50);
    expect(newCount - trimmed).toBeLessThanOrEqual(LIMITS.heldMax);
    store.resumeRows();
    flushAll(store);
    expect([1, 2].map((number) => stateOf(store, number))).toEqual(['ok', 'running']);
    expect(store.rows.value.runningCount).toBe(1);
    expect(store.trace(TRACE)?.runningCount).toBe(1);
    expect(store.call('call-1')?.runningCount).toBe(0);
    expect(describeRows(store).filter((row) => row.startsWith('omitted'))).toEqual([`omitted ${trimmed}`]);
    // It is still said when the next pause is over.
    store.pauseRows('user');
    store.resumeRows();
    expect(omittedOf(store)).toBe(trimmed);
  });

  it('may be errors where there is nothing else, and then an end still comes before them', () => {
    const { store, apply } = storeAtTime({ limits: LIMITS });
    apply(start(1, 0), start(2, 0));
    store.pauseRows('user');
    apply(end(1, 1, 1, { status: 'error', severity: 'error' }));
    for (let i = 0; i < 50; i += 1) apply(...errors(10, 10 + i));
    store.resumeRows();
    flushAll(store);
    expect([1, 2].map((number) => stateOf(store, number))).toEqual(['error', 'running']);
    expect(store.totals.value).toMatchObject({ activities: 503, errors: 501 });
    expect(store.rows.value.count).toBeLessThanOrEqual(LIMITS.heldMax + 3);
  });

  it.each<[string, Frame]>([
    ['a hole', { type: 'gap', cursor: '5-5', missed: 3 }],
    ['the loss of an instance', frame('notice', 1, { name: 'livespan.instance_lost', instance: 'i1' })],
  ])('may at the very last be %s: then nothing is said to run that may have ended in it', (_, hole) => {
    const { store, apply } = storeAtTime({ limits: LIMITS });
    apply(start(1, 0, IDS));
    store.pauseRows('user');
    apply(hole);
    for (let i = 0; i < 50; i += 1) apply(...errors(10, 10 + i));
    apply(start(2, 100));
    store.resumeRows();
    flushAll(store);
    expect([1, 2].map((number) => stateOf(store, number))).toEqual(['started', 'running']);
    expect(store.trace(TRACE)).toMatchObject({ runningCount: 1, startedCount: 1 });
  });
});

describe('a pause', () => {
  it('holds the rows, counts exactly what comes, and then shows all of it', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a' }));
    store.pauseRows('scroll');
    apply(end(1, 1, 1, { name: 'a' }), frame('event', 2, { name: 'b' }), { type: 'position', cursor: '9-9' });
    expect(describeRows(store)).toEqual(['running a']);
    expect(store.pause.value).toMatchObject({ by: 'scroll', newCount: 2, trimmed: 0 });
    expect(store.totals.value.activities).toBe(3);
    store.pauseRows('user');
    store.pauseRows('scroll');
    expect(store.pause.value).toMatchObject({ by: 'user', newCount: 2 });
    store.resumeRows();
    while (store.flush(1_000) > 0);
    expect(store.pause.value).toBeUndefined();
    expect(describeRows(store)).toEqual(['event b', 'ok a']);
    expect(store.totals.value.activities).toBe(3);
  });

  it('keeps a bounded number, errors first, and still counts exactly', () => {
    const { store, apply } = storeAtTime({ limits: LIMITS });
    store.pauseRows('user');
    apply(frame('event', 0, { name: 'bad', severity: 'error' }));
    for (let i = 1; i < 1_000; i += 1) apply(frame('event', i));
    const { newCount = 0, trimmed = 0 } = store.pause.value ?? {};
    expect(newCount).toBe(1_000);
    expect(newCount - trimmed).toBeLessThanOrEqual(LIMITS.heldMax);
    store.resumeRows();
    while (store.flush(1_000) > 0);
    expect(describeRows(store).filter((row) => row !== `omitted ${trimmed}`)).toHaveLength(newCount - trimmed);
    expect(store.rows.value.count).toBe(newCount - trimmed + 1);
    expect(describeRows(store).slice(-2)).toEqual(['event bad', `omitted ${trimmed}`]);
    expect(store.totals.value.activities).toBe(1_000);
  });

  it('may begin again before the last one was worked off', () => {
    let tick = 0;
    const { store } = storeAtTime({ tick: () => (tick += 1) });
    const flushAll = () => {
      while (store.flush(1_000) > 0);
    };
    store.pauseRows('user');
    store.enqueue(Array.from({ length: 500 }, (_, i) => frame('event', i)));
    flushAll();
    store.resumeRows();
    store.flush(1);
    const shown = store.rows.value.count;
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(500);
    store.pauseRows('user');
    store.enqueue([frame('event', 600)]);
    flushAll();
    expect(store.pause.value?.newCount).toBe(500 - shown + 1);
    expect(store.rows.value.count).toBe(shown);
    store.resumeRows();
    flushAll();
    expect(store.rows.value.count).toBe(501);
    expect(store.totals.value.activities).toBe(501);
  });
});
