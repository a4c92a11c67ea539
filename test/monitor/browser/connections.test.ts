import { describe, expect, it, onTestFinished } from 'vitest';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { numbered, startLog } from '../feed/live.ts';
import { activity } from '../frames.ts';
import { countsOf, eventually, exportOf, namesOf, openLive, readersOf, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const CUTS = 50;

describe.skipIf(browser.isMissing)('connections of a browser', () => {
  it('are cut fifty times, and the rows are exactly those of the log', async () => {
    const log = await startLog();
    const proxy = await startFaultProxy(Number(new URL(log.url).port));
    onTestFinished(() => proxy.close());
    const page = await openLive(await browser.openContext(), `http://127.0.0.1:${proxy.port}`);
    await log.appendNumbered(0, 1);
    await page.locator('.row', { hasText: 'e0' }).waitFor();
    // Somebody presses "try now" as soon as it is offered.
    await page.evaluate(`setInterval(() => document.querySelector('.banner.is-error button')?.click(), 10)`);
    let count = 1;
    for (let cut = 0; cut < CUTS; cut += 1) {
      // Some are under way when it is cut, some come while nobody listens.
      const underWay = log.appendNumbered(count, 3);
      proxy.cut();
      await underWay;
      await log.appendNumbered(count + 3, 2);
      count += 5;
      await eventually(
        async () => (await countsOf(page)).totals.activities >= count,
        async () => `${count} activities after cut ${cut + 1}, has ${(await countsOf(page)).totals.activities}`,
      );
    }
    await page.locator('.badge-live').waitFor();
    await page.locator('.status-words', { hasText: /^Reconnected after .*, nothing lost\.$/ }).waitFor();
    expect((await exportOf(page)).activities.map(({ name }) => name)).toEqual(numbered(0, count));
    expect(await countsOf(page)).toMatchObject({ totals: { activities: count }, loss: { missed: 0, resets: 0 } });
    expect(await readersOf(log.url)).toBe(1);
  }, 90_000);

  it('end while the page is kept for "back", and go on from their place when it is shown again', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 3);
    const page = await openLive(await browser.openContext(), log.url);
    await eventually(async () => (await countsOf(page)).rows === 3, 'the first rows');
    // Chromium keeps no page that shares a worker; others do.
    const turn = (type: string) =>
      page.evaluate(`dispatchEvent(new PageTransitionEvent('${type}', { persisted: true }))`);
    await page.evaluate('globalThis.isSamePage = true');
    for (const count of [3, 6]) {
      await turn('pagehide');
      await eventually(async () => (await readersOf(log.url)) === 0, 'no connection is left');
      await log.appendNumbered(count, 3);
      await turn('pageshow');
      await eventually(async () => (await countsOf(page)).rows === count + 3, 'what came meanwhile');
    }
    await log.appendNumbered(9, 1);
    await page.locator('.row', { hasText: 'e9' }).waitFor();
    expect((await exportOf(page)).activities.map(({ name }) => name)).toEqual(numbered(0, 10));
    expect(await countsOf(page)).toMatchObject({ totals: { activities: 10 }, loss: { missed: 0, resets: 0 } });
    expect([await page.evaluate('globalThis.isSamePage'), await readersOf(log.url)]).toEqual([true, 1]);
  });

  it('are one for ten tabs of one filter and three for ten of ten, and none when all are closed', async () => {
    const log = await startLog();
    const context = await browser.openContext();
    const open = (filterOf: (index: number) => string) =>
      Promise.all(
        Array.from({ length: 10 }, (_, index) => openLive(context, log.url, `/monitor/live?filter=${filterOf(index)}`)),
      );
    const same = await open(() => 'name:e*');
    await log.append(activity('event', 0, { name: 'other' }));
    await log.appendNumbered(0, 10);
    for (const page of same) await eventually(async () => (await countsOf(page)).rows === 10, 'ten rows in each tab');
    expect(await readersOf(log.url)).toBe(1);
    await Promise.all(same.map((page) => page.close()));
    await eventually(async () => (await readersOf(log.url)) === 0, 'no connection is left');

    const each = await open((index) => `name:e${index}`);
    await log.appendNumbered(0, 10);
    for (const [index, page] of each.entries()) {
      await eventually(async () => (await countsOf(page)).rows === 2, 'an old and a new row in each tab');
      expect(await namesOf(page)).toEqual([`e${index}`, `e${index}`]);
    }
    expect(await readersOf(log.url)).toBe(3);
    const [first, ...others] = each;
    for (const page of others) await page.close();
    await log.appendNumbered(0, 1);
    await eventually(async () => first !== undefined && (await countsOf(first)).rows === 3, 'the last tab goes on');
    await first?.close();
    await eventually(async () => (await readersOf(log.url)) === 0, 'no connection is left');
  }, 60_000);
});
