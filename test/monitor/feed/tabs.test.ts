import { describe, expect, it, onTestFinished } from 'vitest';
import { createHub } from '../../../src/monitor/feed/hub.ts';
import { createLeaderSharing, createLoneSharing } from '../../../src/monitor/feed/sharing-without-worker.ts';
import type { Monitor } from '../../../src/monitor/monitor.ts';
import { activity } from '../frames.ts';
import { namesOf, openMonitor, startLog, until } from './live.ts';

async function readersOf(url: string): Promise<number> {
  const stats = (await (await fetch(`${url}/stats`)).json()) as { readers: { readers: number } };
  return stats.readers.readers;
}

/** Tabs on one hub, as a SharedWorker holds it. */
function openTabs(base: string, filters: readonly string[]): Monitor[] {
  const hub = createHub({ base, retryMs: 50, retryMaxMs: 200 });
  onTestFinished(() => hub.close());
  return filters.map((filter) => {
    const { way, connect } = createLoneSharing(base, hub);
    const none = (): void => undefined;
    const tab = openMonitor(base, { sharing: { way, connect, leave: none, close: none } });
    tab.store.filter.apply(filter);
    tab.start();
    return tab;
  });
}

const SERVICES = Array.from({ length: 10 }, (_, i) => `s${i}`);
const fromEach = (at: number) =>
  SERVICES.map((service, i) => activity('event', at + i, { name: `${service}.${at}`, service }));

describe('tabs', () => {
  it('with the same filter share one connection, and one that comes later has it all', async () => {
    const log = await startLog();
    await log.append(...fromEach(0));
    const tabs = openTabs(
      log.url,
      SERVICES.map(() => 'service:s1'),
    );
    await until(() => tabs.every((tab) => namesOf(tab).length === 1), 'the first rows');
    expect(await readersOf(log.url)).toBe(1);
    await log.append(...fromEach(100));
    await until(() => tabs.every((tab) => namesOf(tab).length === 2), 'the live rows');
    for (const tab of tabs) expect(namesOf(tab)).toEqual(['s1.0', 's1.100']);
    for (const tab of tabs) tab.close();
    await until(() => tabs.length > 0, 'closed');
    let readers = 1;
    for (let i = 0; readers > 0 && i < 200; i += 1) readers = await readersOf(log.url);
    expect(readers).toBe(0);
  });

  it('with ten filters take three connections, and each shows what its filter lets by', async () => {
    const log = await startLog();
    await log.append(...fromEach(0));
    const tabs = openTabs(
      log.url,
      SERVICES.map((service) => `service:${service}`),
    );
    await until(() => tabs.every((tab) => namesOf(tab).length === 1), 'the first rows');
    expect(await readersOf(log.url)).toBe(3);
    await log.append(...fromEach(100), ...fromEach(200));
    await until(() => tabs.every((tab) => namesOf(tab).length === 3), 'the live rows');
    for (const [i, tab] of tabs.entries()) expect(namesOf(tab)).toEqual([`s${i}.0`, `s${i}.100`, `s${i}.200`]);
  });

  it('without a worker choose one that connects for all, and another one when it goes', async () => {
    const log = await startLog();
    await log.append(...fromEach(0));
    const open = (): Monitor => {
      const tab = openMonitor(log.url, { sharing: createLeaderSharing(log.url) });
      tab.start();
      return tab;
    };
    const first = open();
    await until(() => namesOf(first).length === 10, 'rows in the leader');
    const others = [open(), open()];
    await until(() => others.every((tab) => namesOf(tab).length === 10), 'rows in the others');
    expect(await readersOf(log.url)).toBe(1);
    first.close();
    await log.append(...fromEach(100));
    await until(() => others.every((tab) => namesOf(tab).length === 20), 'rows from the next leader');
    await log.append(...fromEach(200));
    await until(() => others.every((tab) => namesOf(tab).length === 30), 'rows after that');
    const expected = [0, 100, 200].flatMap((at) => SERVICES.map((service) => `${service}.${at}`));
    for (const tab of others) expect(namesOf(tab)).toEqual(expected);
    expect(await readersOf(log.url)).toBe(1);
  });
});
