import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatTimeUs } from '../../../src/activity/time.ts';
import { createHub, type HubMessage } from '../../../src/monitor/feed/hub.ts';
import { createLoneSharing } from '../../../src/monitor/feed/sharing-without-worker.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { activity } from '../frames.ts';
import { namesOf, numbered, openMonitor, startLog, tapSharing, until } from './live.ts';

describe('following the log', () => {
  it('shows the newest that are there, then goes on live, nothing twice and nothing left out', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 1_500);
    const monitor = openMonitor(log.url);
    // Appended while the pages are read and both ends meet.
    monitor.start();
    for (let i = 0; i < 20; i += 1) await log.appendNumbered(1_500 + i * 25, 25);
    await until(() => namesOf(monitor).at(-1) === 'e1999', 'the last one');
    const names = namesOf(monitor);
    const [first = ''] = names;
    expect(names).toEqual(numbered(Number(first.slice(1)), names.length));
    expect(names.length).toBeGreaterThanOrEqual(1_000);
    expect(monitor.store.connection.value).toEqual({ state: 'live' });
    expect(monitor.store.totals.value).toMatchObject({ activities: names.length, invalid: 0 });
    expect(monitor.store.loss.value.missed).toBe(0);
  });

  it.each([10, 0])(
    'shows the newest (%i) before the connection is there, and then what came meanwhile',
    async (count) => {
      const log = await startLog();
      if (count > 0) await log.appendNumbered(0, count);
      const hub = createHub({ base: log.url });
      const lone = createLoneSharing(log.url, hub);
      let open: () => void = () => undefined;
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      // As a worker that takes its time.
      const connect: typeof lone.connect = (...heard) => {
        const send = lone.connect(...heard);
        return (message) => void opened.then(() => send(message));
      };
      const monitor = openMonitor(log.url, { sharing: { ...lone, connect } });
      monitor.start();
      if (count > 0) await until(() => namesOf(monitor).length === count, 'the newest');
      await log.appendNumbered(count, 1_500);
      expect(monitor.store.isLoaded.value).toBe(false);
      expect(namesOf(monitor).length).toBeLessThanOrEqual(1_000);
      open();
      await until(() => monitor.store.isLoaded.value, 'all is read');
      const names = namesOf(monitor);
      const from = Number(names[0]?.slice(1));
      expect(names).toEqual(numbered(from, names.length));
      expect(names.at(-1)).toBe(`e${count + 1_499}`);
      if (count > 0) expect(names).toHaveLength(count + 1_500);
      await log.appendNumbered(count + 1_500, 1);
      await until(() => namesOf(monitor).at(-1) === `e${count + 1_500}`, 'the live row');
      expect(monitor.store.totals.value.activities).toBe(names.length + 1);
    },
  );

  it.each([
    ['to what was asked before', (message: HubMessage) => message],
    ['by a connection that came back late', (message: HubMessage, id: number) => ({ ...message, id })],
  ])('shows nothing twice of what comes %s', async (_why, late) => {
    const log = await startLog();
    await log.appendNumbered(0, 10);
    const held: HubMessage[] = [];
    let isHolding = false;
    const { tap, sharing } = tapSharing(log.url, (message) => {
      const isHeld = isHolding && message.type === 'lines';
      if (isHeld) held.push(message);
      return !isHeld;
    });
    const monitor = openMonitor(log.url, { sharing });
    monitor.start();
    await until(() => monitor.store.isLoaded.value && namesOf(monitor).length === 10, 'the newest');
    isHolding = true;
    await log.appendNumbered(10, 5);
    await until(() => tap.lines.includes('e14'), 'held');
    // The pages bring what the connection has not brought yet.
    monitor.comeBack();
    await until(() => namesOf(monitor).length === 15, 'what the pages have');
    isHolding = false;
    for (const message of held) tap.toTab(late(message, tap.id));
    await log.appendNumbered(15, 5);
    await until(() => namesOf(monitor).at(-1) === 'e19', 'the live rows');
    expect(namesOf(monitor)).toEqual(numbered(0, 20));
    expect(monitor.store.totals.value.activities).toBe(20);
    expect(monitor.store.loss.value).toMatchObject({ missed: 0, resets: 0 });
  });

  it('tells of the whole last minute in its figures, also of what has no row any more', async () => {
    const log = await startLog();
    const at = Date.now();
    const ended = (index: number) =>
      activity('span.end', 0, {
        name: 'a',
        time: formatTimeUs((at - 30_000 + index) * 1_000),
        status: index < 300 ? 'error' : 'ok',
        durationMs: 5,
      });
    await log.append(...Array.from({ length: 3_000 }, (_, index) => ended(index)));
    const monitor = openMonitor(log.url);
    monitor.start();
    await until(
      () => monitor.store.rates.value.perSecond.reduce((sum, count) => sum + count, 0) === 3_000,
      'all 3,000',
    );
    await until(() => monitor.store.rates.value.errorShare === 0.1, 'the failed ones before the rows');
    expect(monitor.store.rows.value.count).toBe(1_000);
    expect(monitor.store.totals.value.activities).toBe(1_000);
  });

  it('asks the server for what passes the filter, and starts anew with another one', async () => {
    const log = await startLog();
    await log.append(activity('event', 0, { name: 'a' }), activity('event', 1, { name: 'b', severity: 'error' }));
    const monitor = openMonitor(log.url);
    monitor.store.filter.apply('severity:>=error');
    monitor.start();
    await until(() => namesOf(monitor).length === 1, 'the first row');
    expect(namesOf(monitor)).toEqual(['b']);
    await log.append(activity('event', 2, { name: 'c' }), activity('event', 3, { name: 'd', severity: 'fatal' }));
    await until(() => namesOf(monitor).includes('d'), 'the live row');
    expect(namesOf(monitor)).toEqual(['b', 'd']);
    monitor.store.filter.apply('name:a,c');
    await until(() => namesOf(monitor).includes('c'), 'rows of the other filter');
    expect(namesOf(monitor)).toEqual(['a', 'c']);
    expect(monitor.store.filter.apply('nme:x')).toBe(false);
    expect(monitor.store.filter.problem.value?.column).toBe(1);
    expect(monitor.store.filter.text.value).toBe('name:a,c');
  });

  it('comes back after each of many cuts with exactly the rows it had not seen', async () => {
    const log = await startLog();
    const monitor = openMonitor(log.url);
    monitor.start();
    await until(() => monitor.store.connection.value.state === 'live', 'live');
    let next = 0;
    for (let round = 0; round < 3; round += 1) {
      await log.appendNumbered(next, 5);
      await log.stop();
      await log.appendNumbered(next + 5, 5);
      next += 10;
      await log.restart();
      await until(() => namesOf(monitor).length === next, `row ${next}`);
    }
    expect(namesOf(monitor)).toEqual(numbered(0, next));
    expect(monitor.store.totals.value.activities).toBe(next);
    await until(() => monitor.store.reconnected.value !== undefined, 'word of the reconnect');
    expect(monitor.store.reconnected.value).toMatchObject({ missed: 0, wasReset: false });
  }, 60_000);

  it('says what was trimmed while it was away, with the exact number', async () => {
    const log = await startLog({ logCountMax: 100, ringCountMax: 128 });
    const monitor = openMonitor(log.url);
    monitor.start();
    await until(() => monitor.store.connection.value.state === 'live', 'live');
    await log.appendNumbered(0, 10);
    await until(() => namesOf(monitor).length === 10, 'the first rows');
    await log.stop();
    await log.appendNumbered(10, 1_000);
    await log.restart();
    await until(() => namesOf(monitor).at(-1) === 'e1009', 'the newest row');
    const { missed, gaps } = monitor.store.loss.value;
    expect(gaps).toBe(1);
    expect(monitor.store.totals.value.activities + missed).toBe(1_010);
    expect(namesOf(monitor)).toContain('gap');
    await until(() => monitor.store.reconnected.value !== undefined, 'word of the reconnect');
    expect(monitor.store.reconnected.value?.missed).toBe(missed);
  });

  it('notices that it hears nothing any more, although the connection stands, and misses nothing', async () => {
    const log = await startLog({ heartbeatMs: 100 });
    const proxy = await startFaultProxy(Number(new URL(log.url).port));
    onTestFinished(() => proxy.close());
    const monitor = openMonitor(`http://127.0.0.1:${proxy.port}`);
    monitor.start();
    await log.appendNumbered(0, 1);
    await until(() => namesOf(monitor).length === 1, 'the first row');
    // Heartbeats keep a stream without news live for longer than the silence that ends it.
    await sleep(2_600);
    expect(monitor.store.connection.value).toEqual({ state: 'live' });
    proxy.deafen();
    await log.appendNumbered(1, 3);
    await until(() => monitor.store.connection.value.state === 'reconnecting', 'the silence is noticed');
    expect(monitor.store.connection.value).toMatchObject({ detail: 'The stream went silent' });
    proxy.heal();
    await until(() => namesOf(monitor).length === 4, 'the rows of the silence');
    expect(namesOf(monitor)).toEqual(numbered(0, 4));
  });

  it('is denied without the token and does not ask again by itself', async () => {
    const log = await startLog({ token: 'a-long-secret' });
    const monitor = openMonitor(log.url);
    monitor.start();
    await until(() => monitor.store.connection.value.state === 'denied', 'denied');
    expect(monitor.store.connection.value).toMatchObject({ status: 401 });
    const allowed = openMonitor(log.url, { headers: { authorization: 'Bearer a-long-secret' } });
    allowed.start();
    await log.appendNumbered(0, 3);
    await until(() => namesOf(allowed).length === 3, 'rows with the token');
    await until(() => allowed.store.stats.value !== undefined, 'figures of the server');
    expect(allowed.store.stats.value?.log).toMatchObject({ description: 'memory', connected: true });
  });

  it('says that there are too many readers and comes in as soon as there is room', async () => {
    const log = await startLog({ readersMax: 1 });
    const first = openMonitor(log.url);
    first.start();
    await until(() => first.store.connection.value.state === 'live', 'the first is live');
    const second = openMonitor(log.url);
    second.start();
    await until(() => second.store.connection.value.state === 'overloaded', 'the second is refused');
    expect(second.store.connection.value).toMatchObject({ code: 'too_many_readers' });
    first.close();
    second.retry();
    await until(() => {
      second.retry();
      return second.store.connection.value.state === 'live';
    }, 'the second is live');
  });
});
