import { describe, expect, it } from 'vitest';
import type { Monitor } from '../../../src/monitor/monitor.ts';
import { createServerWatch } from '../../../src/monitor/server-watch.ts';
import { asJson } from '../../../src/monitor/state/copy-texts.ts';
import type { Row } from '../../../src/monitor/state/model.ts';
import { createStore } from '../../../src/monitor/state/store.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { type Log, openMonitor, startLog, until } from './live.ts';

const CALL = 'call "8f2a"';
const ids = (number: number) => ({ traceId: TRACE, spanId: spanId(number), service: 'gateway', callId: CALL });

/** A trace that still runs, and so much after it that a page which opens now does not read it. */
async function appendOldTrace(log: Log): Promise<void> {
  await log.append(
    activity('span.start', 0, { ...ids(1), name: 'POST', spanKind: 'server', attributes: { 'url.path': '/v1/chat' } }),
    activity('span.start', 5, { ...ids(2), parentSpanId: spanId(1), name: 'retrieve' }),
    activity('event', 9, { ...ids(2), name: 'asked', severity: 'error' }),
    activity('span.end', 20, { ...ids(2), parentSpanId: spanId(1), name: 'retrieve', status: 'ok', durationMs: 15 }),
    activity('event', 30, { name: 'alone', service: 'worker', callId: CALL }),
  );
  await log.appendNumbered(0, 1_200);
}

async function openAt(url: string, select: (monitor: Monitor) => void): Promise<Monitor> {
  const monitor = openMonitor(url);
  select(monitor);
  monitor.start();
  await until(() => monitor.store.isLoaded.value, 'the newest are read');
  return monitor;
}

const isSettled = ({ store }: Monitor) => ['found', 'absent', 'failed'].includes(store.lookup.value?.state ?? '');

describe('a record that the rows do not hold', () => {
  it('is found in the log by its link, beside the rows, and goes on with what comes', async () => {
    const log = await startLog();
    await appendOldTrace(log);
    const monitor = await openAt(log.url, ({ store }) => {
      store.selection.value = { type: 'trace', traceId: TRACE };
    });
    const { store } = monitor;
    await until(() => isSettled(monitor), 'the search has ended');
    expect(store.lookup.value).toEqual({ state: 'found' });
    const spans = () => [...(store.trace(TRACE)?.spans.values() ?? [])].map(({ name, state }) => `${state} ${name}`);
    expect(spans()).toEqual(['running POST', 'ok retrieve']);
    expect([...store.rows.value].some((row) => row.type === 'span')).toBe(false);
    await log.append(activity('span.end', 90, { ...ids(1), name: 'POST', status: 'ok', durationMs: 90 }));
    await until(() => spans()[0] === 'ok POST', 'the span ends in what was found');
    expect(store.row(`${TRACE}/${spanId(2)}`)).toMatchObject({ state: 'ok', nestedCount: 1, sawStart: true });
  });

  it('is shown with all its events, also where the rows keep but some of them', async () => {
    const log = await startLog();
    const work = { ...ids(1), callId: 'c' };
    const steps = Array.from({ length: 200 }, (_, i) => activity('event', 1 + i, { ...work, name: `step ${i}` }));
    await log.append(activity('span.start', 0, { ...work, name: 'work' }), ...steps);
    const key = `${TRACE}/${spanId(1)}`;
    const { store } = await openAt(log.url, () => undefined);
    const rowOf = () => {
      const row = store.row(key);
      return row?.type === 'span' ? row : undefined;
    };
    await until(() => rowOf()?.nestedCount === 200, 'the row has all');
    expect(rowOf()?.nested).toHaveLength(64);
    store.selection.value = { type: 'row', key, tab: 'json' };
    await until(() => rowOf()?.nested.length === 200, 'the log has them');
    expect((JSON.parse(asJson(rowOf() as Row)) as unknown[]).length).toBe(201);
    await log.append(activity('event', 300, { ...work, name: 'late' }));
    await until(() => rowOf()?.nested.length === 201, 'and what comes');
    expect(store.span(TRACE, spanId(1))?.nested).toHaveLength(64);
    store.selection.value = { type: 'trace', traceId: TRACE };
    await until(() => store.trace(TRACE)?.spans.get(spanId(1))?.nested.length === 201, 'in its trace too');
  });

  it('may be a call, a span or an event, each by its link', async () => {
    const log = await startLog();
    await appendOldTrace(log);
    const call = await openAt(log.url, ({ store }) => {
      store.selection.value = { type: 'call', callId: CALL };
    });
    await until(() => isSettled(call), 'the search for the call has ended');
    expect(call.store.call(CALL)).toMatchObject({ entryCount: 5, runningCount: 1 });
    const key = call.store.call(CALL)?.entries.find(({ activity: { name } }) => name === 'asked')?.cursor ?? '';
    for (const row of [key, `${TRACE}/${spanId(2)}`]) {
      call.store.selection.value = { type: 'row', key: row, tab: 'story' };
      await until(() => call.store.lookup.value?.state === 'found', `the row ${row}`);
      expect(call.store.row(row)?.key).toBe(row);
      expect(call.store.call(CALL)?.entryCount).toBeGreaterThanOrEqual(4);
    }
  });

  it('is said to be gone where the log does not have it', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 3);
    const monitor = openMonitor(log.url);
    monitor.start();
    await until(() => monitor.store.isLoaded.value, 'the newest are read');
    const [newest] = [...monitor.store.rows.value];
    for (const selection of [
      { type: 'trace', traceId: TRACE },
      { type: 'call', callId: CALL },
      { type: 'row', key: '1-5', tab: 'story' },
      { type: 'row', key: 'gap:1-5', tab: 'story' },
    ] as const) {
      monitor.store.selection.value = selection;
      await until(() => monitor.store.lookup.value?.state === 'absent', `absence of ${JSON.stringify(selection)}`);
    }
    monitor.store.selection.value = { type: 'row', key: newest?.key ?? '', tab: 'story' };
    expect(monitor.store.lookup.value).toBeUndefined();
  });

  it('is shown whole although the filter leaves most of it out', async () => {
    const log = await startLog();
    await appendOldTrace(log);
    const monitor = openMonitor(log.url);
    monitor.store.filter.apply('severity:>=error');
    monitor.start();
    await until(() => monitor.store.rows.value.count === 1, 'the error');
    expect(monitor.store.trace(TRACE)?.spans.size).toBe(0);
    monitor.store.selection.value = { type: 'trace', traceId: TRACE };
    await until(() => monitor.store.trace(TRACE)?.spans.size === 2, 'both spans');
    await log.append(activity('span.end', 90, { ...ids(1), name: 'POST', status: 'ok', durationMs: 90 }));
    await until(() => monitor.store.trace(TRACE)?.runningCount === 0, 'the end that the filter leaves out');
    expect(monitor.store.rows.value.count).toBe(1);
  });
});

describe('how far behind the page is', () => {
  it('is counted exactly under a filter too, and goes down as the rest arrives', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 30);
    const page = (await (await fetch(`${log.url}/activity?order=asc&limit=30`)).json()) as {
      items: { cursor: string }[];
    };
    const store = createStore();
    store.filter.apply('name:e1*');
    store.connection.value = { state: 'live' };
    let seen = page.items[9]?.cursor ?? '';
    const watch = createServerWatch({
      base: log.url,
      store,
      seen: () => seen,
      isCatchingUp: () => false,
      isHidden: () => false,
    });
    watch.measure();
    await until(() => store.behind.value === 10, 'e10 to e19');
    seen = page.items[14]?.cursor ?? '';
    watch.arrive();
    expect(store.behind.value).toBe(5);
    seen = page.items[29]?.cursor ?? '';
    watch.arrive();
    expect(store.behind.value).toBe(0);
    watch.close();
  });
});
