import { beforeAll, describe, expect, it } from 'vitest';
import { readNdjson, writeNdjson } from '../../../src/monitor/activity-file.ts';
import { forgetFilter, readFilters, saveFilter } from '../../../src/monitor/saved-filters.ts';
import { HIDE_HEALTH } from '../../../src/monitor/state/filter-line.ts';
import { loadThinning } from '../../../src/monitor/state/frame-queue.ts';
import { readUrl, type UrlState, writeUrl } from '../../../src/monitor/url-state.ts';
import { describeRows, end, frame, START_MS, spanId, start, storeAtTime, TRACE } from '../frames.ts';

const PLAIN: UrlState = {
  view: 'live',
  filter: '',
  order: 'newest',
  isRunningOnly: false,
  selection: undefined,
  atMs: undefined,
  speed: 1,
  search: '',
  folded: new Set(),
  theme: 'system',
};

describe('the address', () => {
  it.each<Partial<UrlState>>([
    {},
    { view: 'traces', selection: { type: 'trace', traceId: TRACE, spanId: spanId(2) } },
    { view: 'live', selection: { type: 'trace', traceId: TRACE }, isRunningOnly: true },
    { view: 'calls', selection: { type: 'call', callId: 'a/b?c=d&e #%25' } },
    { view: 'services', filter: 'service:"a b" -name:*x* @http.status_code:>=500 "100%"' },
    { view: 'live', selection: { type: 'row', key: `${TRACE}/${spanId(1)}`, tab: 'json' }, order: 'duration' },
    { view: 'live', atMs: Date.UTC(2026, 10, 21), speed: 'max' },
    { view: 'live', atMs: Date.UTC(2026, 10, 21), speed: 10 },
    { view: 'traces', selection: { type: 'trace', traceId: TRACE }, search: 'a b&c=d' },
    { view: 'traces', selection: { type: 'trace', traceId: TRACE }, folded: new Set([spanId(1), spanId(3)]) },
    { view: 'health', theme: 'dark', atMs: Date.UTC(2026, 10, 21, 14, 2, 1, 5) },
  ])('brings back %j', (part) => {
    const state = { ...PLAIN, ...part };
    const url = writeUrl(state);
    expect(url.startsWith('/monitor/')).toBe(true);
    expect(readUrl(url)).toEqual(state);
  });

  it('makes the best of what it does not understand', () => {
    expect(readUrl('/')).toEqual(PLAIN);
    expect(readUrl('/activity/monitor?filter=x')).toEqual({ ...PLAIN, filter: 'x' });
    expect(readUrl('/monitor/nothing/%E0%A4%A?theme=pink&speed=7&at=never&order=up&trace=zz')).toEqual(PLAIN);
  });
});

describe('the filter line', () => {
  it('toggles terms, replaces ranges and says where it is wrong', () => {
    const { filter } = storeAtTime().store;
    filter.toggle('severity:>=error');
    filter.toggle(HIDE_HEALTH);
    expect(filter.text.value).toBe(`severity:>=error ${HIDE_HEALTH}`);
    expect([filter.has(HIDE_HEALTH), filter.has('severity:>=warn'), filter.has('')]).toEqual([true, false, false]);
    filter.toggle('severity:>=warn', { only: true });
    filter.toggle(HIDE_HEALTH);
    expect(filter.text.value).toBe('severity:>=warn');
    filter.setRange('duration', '>=100ms', '<500ms');
    filter.setRange('duration', '>=1s');
    expect(filter.text.value).toBe('severity:>=warn duration:>=1s');
    filter.setRange('duration');
    expect(filter.text.value).toBe('severity:>=warn');
    filter.setRange('duration', '>=1s');
    filter.draft.value = 'service:api severity:>=bad';
    expect(filter.problem.value).toMatchObject({ column: 24 });
    expect(filter.apply()).toBe(false);
    expect(filter.text.value).toBe('severity:>=warn duration:>=1s');
  });

  it('is completed with fields, what they take, and what was seen', async () => {
    const { store, apply } = storeAtTime();
    apply(frame('event', 0, { name: 'pay now', service: 'gateway', attributes: { 'http.route': '/x' } }));
    const complete = async (text: string, caret = text.length): Promise<string[]> =>
      (await store.complete(text, caret)).map((completion) => completion.text);
    expect(await complete('serv')).toEqual(['service:']);
    expect(await complete('service:g')).toEqual(['service:gateway ']);
    expect(await complete('-severity:>=w')).toEqual(['-severity:>=warn ']);
    expect(await complete('kind:event,span.s')).toEqual(['kind:event,span.start ']);
    expect(await complete('gate')).toEqual(['service:gateway ']);
    expect(await complete('name:"pa')).toEqual(['name:"pay now" ']);
    expect(await complete('@http')).toEqual(['@http.route:']);
    expect(await complete('stat error', 4)).toEqual(['status: error']);
    expect((await complete('')).length).toBeGreaterThan(10);
    const [first] = await store.complete('serv x', 4);
    expect(first).toMatchObject({ text: 'service: x', caret: 8 });
  });

  it('is saved in the browser, also one that forbids it or holds nonsense', () => {
    const held = new Map<string, string>();
    const storage = {
      getItem: (key: string) => held.get(key) ?? null,
      setItem: (key: string, value: string) => void held.set(key, value),
    };
    saveFilter(storage, { name: 'a', text: 'x' });
    saveFilter(storage, { name: 'b', text: 'y' });
    expect(saveFilter(storage, { name: 'a', text: 'z' })).toEqual(readFilters(storage));
    expect(readFilters(storage)).toEqual([
      { name: 'a', text: 'z' },
      { name: 'b', text: 'y' },
    ]);
    expect(forgetFilter(storage, 'a')).toEqual([{ name: 'b', text: 'y' }]);
    held.set('livespan.filters', '[1,{"name":2},');
    expect(readFilters(storage)).toEqual([]);
    const forbidden = {
      getItem: (): never => {
        throw new Error('denied');
      },
      setItem: (): never => {
        throw new Error('denied');
      },
    };
    expect([readFilters(forbidden), saveFilter(forbidden, { name: 'a', text: 'x' })]).toEqual([
      [],
      [{ name: 'a', text: 'x' }],
    ]);
  });
});

describe('a file', () => {
  beforeAll(loadThinning);

  it('brings the same rows back', () => {
    const { store, apply } = storeAtTime();
    const ids = { traceId: TRACE, spanId: spanId(1) };
    apply(start(1, 0, { name: 'a' }), frame('event', 1, { name: 'x', ...ids }), end(1, 5, 5, { name: 'a' }));
    apply(frame('log', 6, { name: 'y' }), start(2, 7, { name: 'b' }));
    const text = writeNdjson(store.allRows());
    expect(text.trimEnd().split('\n')).toHaveLength(5);
    const read = readNdjson(`${text}\nnot json\n`);
    if (!read.ok) throw new Error(read.message);
    expect(read.invalid).toBe(1);
    const other = storeAtTime();
    other.apply(...read.frames);
    expect(describeRows(other.store)).toEqual(describeRows(store));
  });

  it('has a gap for what the rows do not hold any more', () => {
    const { store, apply } = storeAtTime({ limits: { heldMax: 8 } });
    const ids = { traceId: TRACE, spanId: spanId(1) };
    const events = Array.from({ length: 100 }, (_, i) => frame('event', 1 + i, { name: `x${i}`, ...ids }));
    apply(start(1, 0, { name: 'a' }), ...events, end(1, 200, 200, { name: 'a' }));
    apply({ type: 'reset', cursor: '' }, { type: 'gap', cursor: `${START_MS + 201}-9000`, missed: 7 });
    store.pauseRows('user');
    apply(...Array.from({ length: 10 }, (_, i) => frame('event', 300 + i, { name: `y${i}` })));
    store.resumeRows();
    apply();
    const text = writeNdjson(store.allRows());
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ type }) => type === 'gap').map(({ missed }) => missed)).toEqual([36, 7, 4]);
    expect(lines.slice(0, 3).map(({ name, type }) => name ?? type)).toEqual(['a', 'gap', 'x36']);
    expect(lines.filter(({ type }) => type === undefined)).toHaveLength(112 - 36 - 4);
    const read = readNdjson(text);
    expect(read).toMatchObject({ ok: true, invalid: 0 });
  });

  it('may come without cursors, and is refused when it holds no activity', () => {
    const lines = [frame('event', 0), frame('event', 1)].map((one) => (one.type === 'activity' ? one.activity : one));
    const read = readNdjson(lines.map((line) => JSON.stringify(line)).join('\r\n'));
    expect(read).toMatchObject({ ok: true, invalid: 0, frames: [{ cursor: '0-1' }, { cursor: '0-2' }] });
    expect(readNdjson('{"a":1}\n')).toMatchObject({ ok: false });
  });
});
