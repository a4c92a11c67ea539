import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../../src/activity/filter.ts';
import { hidesEnds } from '../../../src/monitor/state/hidden-ends.ts';
import { describeRows, end, frame, spanId, start, storeAtTime, TRACE } from '../frames.ts';

function hides(text: string): boolean {
  const parsed = parseFilter(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return hidesEnds(parsed.filter.terms);
}

describe('a filter', () => {
  it.each([
    'kind:span.start',
    'kind:*.start',
    '-kind:span.end',
    '-kind:*.end,log',
    '-status:ok',
    '-duration:<100ms',
    '-duration:>1s',
    'severity:info',
    'severity:<error',
    '-severity:>=error',
    '-@http.response.status_code:200',
    '-health',
    'service:gateway -status:error',
  ])('%s may hide the end of a span whose start it shows', (text) => {
    expect(hides(text)).toBe(true);
  });

  it.each([
    '',
    'service:gateway -name:*health* call:a trace:4bf92f3577b34da6a3ce929d0e0e4736',
    'kind:span.start,span.end',
    'kind:span.*',
    '-kind:log',
    '@user.plan:pro',
    'needle',
    // "hide health"
    '-name:*health*,*/ready*,*/livez* -@url.path:*/health*,*/ready*,*/livez*',
    // These show no start at all.
    'kind:event -needle',
    'status:error',
    'duration:>1s',
    'severity:>=warn',
    'kind:span.end -status:ok',
  ])('%j hides none', (text) => {
    expect(hides(text)).toBe(false);
  });
});

describe('where ends may be hidden', () => {
  function filtered(filter: string) {
    const made = storeAtTime();
    made.store.filter.apply(filter);
    made.store.clear();
    return made;
  }

  it('no span is said to run: not in the rows, nor in its trace, its call and its service', () => {
    const { store, apply, setNow } = filtered('kind:span.start');
    apply(start(1, 0, { name: 'a', callId: 'c' }), start(2, 1, { name: 'b', callId: 'c' }));
    setNow(60_000);
    expect(describeRows(store)).toEqual(['started b', 'started a']);
    expect(store.rows.value.runningCount).toBe(0);
    expect(store.trace(TRACE)).toMatchObject({ runningCount: 0, startedCount: 2, errorCount: 0 });
    expect(store.call('c')).toMatchObject({ runningCount: 0 });
    expect(store.services.value[0]).toMatchObject({ running: 0 });
    expect(store.totals.value).toMatchObject({ running: 0 });
    store.isRunningOnly.value = true;
    expect(store.rows.value.count).toBe(0);
  });

  it('an end that comes all the same ends its row in place', () => {
    const { store, apply } = filtered('-status:ok');
    apply(start(1, 0, { name: 'a' }), start(2, 1, { name: 'b' }));
    apply(end(1, 5, 5, { name: 'a', status: 'error', severity: 'error' }));
    expect(describeRows(store)).toEqual(['started b', 'error a']);
    expect(store.span(TRACE, spanId(1))).toMatchObject({ durationMs: 5 });
    expect(store.trace(TRACE)).toMatchObject({ startedCount: 1, errorCount: 1 });
  });

  it('is told anew with each filter, and a file is no place where anything runs', () => {
    const { store, apply } = filtered('-status:ok');
    store.filter.apply('');
    store.clear();
    apply(start(1, 0, { name: 'a' }));
    expect(describeRows(store)).toEqual(['running a']);
    store.clear(true);
    apply(start(1, 0, { name: 'a' }), start(2, 1, { name: 'b' }), end(2, 2, 1, { name: 'b' }));
    expect(describeRows(store)).toEqual(['ok b', 'started a']);
  });
});

describe('what ran when something was missed', () => {
  it.each([
    { type: 'gap', cursor: '5-5', missed: 3 },
    { type: 'lagged', cursor: '5-5', missed: 3 },
    { type: 'reset', cursor: '5-0' },
  ] as const)('may have ended in it ($type)', (hole) => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a' }), start(2, 1, { name: 'b' }), hole);
    expect(store.rows.value.runningCount).toBe(0);
    expect(store.totals.value).toMatchObject({ running: 0 });
    expect(store.trace(TRACE)).toMatchObject({ runningCount: 0, startedCount: 2 });
    apply(end(1, 5, 5, { name: 'a' }), start(3, 6, { name: 'c' }));
    expect(describeRows(store).filter((row) => row !== `${hole.type} ${'missed' in hole ? 3 : 0}`)).toEqual([
      'running c',
      'started b',
      'ok a',
    ]);
    expect(store.totals.value).toMatchObject({ running: 1 });
  });

  it('runs on where nothing of it can be missing: the server leaves out no end when it samples', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a' }));
    expect(store.rows.value.runningCount).toBe(1);
    // Skipped, and sampled from here on.
    apply({ type: 'lagged', cursor: '5-5', missed: 300, sampled: 4 });
    expect(store.rows.value.runningCount).toBe(0);
    apply(start(2, 0, { name: 'b' }), { type: 'lagged', cursor: '6-6', missed: 3, sampled: 4 });
    apply({ type: 'lagged', cursor: '7-7', missed: 0, sampled: 2 }, { type: 'position', cursor: '8-8' });
    expect(store.rows.value.runningCount).toBe(1);
  });
});

describe('a lost span', () => {
  it('is silent since the last sign of life of its instance, by the clock of the applications', () => {
    const { store, apply } = storeAtTime();
    // The clock of the application is 7 s behind that of the log.
    const late = start(1, 0, { name: 'a', instance: 'i' });
    apply({ ...late, cursor: late.cursor.replace(/^\d+/, (ms) => String(Number(ms) + 7_000)) });
    const attributes = { 'livespan.instance': 'i', 'livespan.silent_ms': 30_000 };
    apply(frame('notice', 47_000, { name: 'livespan.instance_lost', instance: 'i', severity: 'warn', attributes }));
    const row = store.span(TRACE, spanId(1));
    expect(row?.state).toBe('lost');
    expect(row?.lost).toEqual({ why: 'silent', sinceMs: (row?.startUs ?? 0) / 1_000 + 10_000 });
  });
});
