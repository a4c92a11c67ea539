import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { numbered, startLog } from '../feed/live.ts';
import { countsOf, eventually, exportOf, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();

/** Second of the local day that the replay shows. */
async function shownSecond(page: Page): Promise<number> {
  const [hours = 0, minutes = 0, seconds = 0] = ((await page.locator('.travel b').textContent()) ?? '')
    .split(':')
    .map(Number);
  return hours * 3_600 + minutes * 60 + seconds;
}

/** How many seconds of the log pass in one of the page, from one change of what is shown to a later one. */
async function speedOf(page: Page): Promise<number> {
  const from = await shownSecond(page);
  const fromMs = performance.now();
  while (performance.now() - fromMs < 1_500) await sleep(20);
  const passed = ((await shownSecond(page)) - from + 86_400) % 86_400;
  return passed / ((performance.now() - fromMs) / 1_000);
}

async function choose(page: Page, moment: string): Promise<void> {
  await page.locator('#travel > summary').click();
  await page.getByRole('button', { name: moment, exact: true }).click();
  await page.locator('.badge-replay').waitFor();
}

function speedChip(page: Page, name: string) {
  return page.locator('.travel').getByRole('button', { name, exact: true });
}

/** A second of the clock here, as the field for a moment takes it. */
function localSecond(ms: number): string {
  const time = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return time.toISOString().slice(0, 19);
}

async function oldestFirst(page: Page): Promise<string[]> {
  return (await exportOf(page)).activities.map(({ name }) => name);
}

describe.skipIf(browser.isMissing)('time travel in a browser', () => {
  it('is linked with its speed', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 2);
    const page = await (await browser.openContext()).newPage();
    await page.goto(`${log.url}/monitor/live?at=${new Date(Date.now() - 60_000).toISOString()}&speed=10`);
    const isPressed = (name: string) => async () =>
      (await speedChip(page, name).getAttribute('aria-pressed', { timeout: 20_000 })) === 'true';
    await eventually(isPressed('10×'), '10× as the link says');
    await speedChip(page, 'fast').click();
    await page.waitForURL((url) => url.searchParams.get('speed') === 'max');
  });

  it('begins with what led to a moment, stands still when held, and goes on to live without a seam', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 5);
    await sleep(1_020 - (Date.now() % 1_000));
    const momentMs = Math.floor(Date.now() / 1_000) * 1_000;
    await log.appendNumbered(5, 5);
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'e9' }).waitFor();

    await page.locator('#travel > summary').click();
    await page.locator('#travel input').fill(localSecond(momentMs));
    await page.locator('.badge-replay').waitFor();
    await page.getByRole('button', { name: 'hold' }).click();
    expect(await speedChip(page, '1×').getAttribute('aria-pressed')).toBe('true');
    expect(new URL(page.url()).searchParams.get('at')).toBe(new Date(momentMs).toISOString());

    // The link of a moment shows what was there then, and stands still.
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.locator('.row', { hasText: 'e4' }).waitFor();
    await other.getByRole('button', { name: 'go on' }).waitFor();
    expect(await namesOf(other)).toEqual(['e4', 'e3', 'e2', 'e1', 'e0']);
    await log.appendNumbered(10, 5);
    expect((await countsOf(other)).totals.activities).toBe(5);

    for (const each of [page, other]) {
      await each.getByRole('button', { name: 'go on' }).click();
      await speedChip(each, 'fast').click();
      await each.locator('.badge-live').waitFor();
    }
    await log.appendNumbered(15, 5);
    for (const each of [page, other]) {
      await eventually(async () => (await countsOf(each)).rows === 20, 'all twenty rows');
      expect(await oldestFirst(each)).toEqual(numbered(0, 20));
      expect(new URL(each.url()).searchParams.has('at')).toBe(false);
    }
  });

  it('passes the time of the log as fast as it says, and comes back to a log that went on meanwhile', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 20);
    const page = await openLive(await browser.openContext(), log.url);
    await choose(page, '5 min ago');
    // Nothing is seen ahead of its time.
    expect(await namesOf(page)).toEqual([]);
    expect(await speedChip(page, '10×').getAttribute('aria-pressed')).toBe('true');
    const fast = await speedOf(page);
    await speedChip(page, '1×').click();
    const slow = await speedOf(page);
    expect(fast).toBeGreaterThan(5);
    expect(slow).toBeLessThan(3);
    expect(slow).toBeGreaterThan(0);
    expect(await namesOf(page)).toEqual([]);

    let appended = 20;
    const appending = (async () => {
      for (; appended < 320; appended += 10) await log.appendNumbered(appended, 10);
    })();
    await speedChip(page, 'fast').click();
    await page.locator('.badge-live').waitFor();
    await appending;
    await eventually(
      async () => (await countsOf(page)).rows === 320,
      async () => `320 rows, has ${(await countsOf(page)).rows}`,
    );
    expect(await oldestFirst(page)).toEqual(numbered(0, 320));
    expect((await countsOf(page)).loss.missed).toBe(0);
  });

  it('is left with "live" or G at any point, and what was not replayed yet comes at once', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 10);
    const page = await openLive(await browser.openContext(), log.url);
    const ways = [() => speedChip(page, 'live').click(), () => page.keyboard.press('Shift+G')];
    for (const [turn, leave] of ways.entries()) {
      await choose(page, '1 h ago');
      expect(await namesOf(page)).toEqual([]);
      await leave();
      await page.locator('.badge-live').waitFor();
      await log.appendNumbered(10 + turn, 1);
      await eventually(async () => (await countsOf(page)).rows === 11 + turn, 'all rows and the new one');
      expect(await oldestFirst(page)).toEqual(numbered(0, 11 + turn));
    }
  });

  it('begins at the second of the sparkline that is pressed', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 3);
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'e2' }).waitFor();
    const box = await page.locator('.sparkline').boundingBox();
    await page.locator('.sparkline').click({ position: { x: (box?.width ?? 0) / 2, y: 4 } });
    await page.locator('.badge-replay').waitFor();
    const agoMs = Date.now() - Date.parse(new URL(page.url()).searchParams.get('at') ?? '');
    expect(agoMs).toBeGreaterThan(25_000);
    expect(agoMs).toBeLessThan(60_000);
    expect(await namesOf(page)).toEqual([]);
  });
});
