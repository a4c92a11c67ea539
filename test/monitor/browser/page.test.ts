import { describe, expect, it } from 'vitest';
import { startLog } from '../feed/live.ts';
import { eventually, goTo, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();

describe.skipIf(browser.isMissing)('the address in a browser', () => {
  it('is filtered from the keyboard, and the address brings each step back', async () => {
    const log = await startLog();
    const context = await browser.openContext();
    const page = await openLive(context, log.url);
    await log.appendNumbered(8, 4);
    await page.locator('.row', { hasText: 'e11' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('name:e1*');
    await page.keyboard.press('Enter');
    await eventually(async () => (await namesOf(page)).join() === 'e11,e10', 'two rows match');
    const link = page.url();
    expect(new URL(link).searchParams.get('filter')).toBe('name:e1*');
    await page.goBack();
    await eventually(async () => (await namesOf(page)).length === 4, 'all rows again');
    await page.goForward();
    await eventually(async () => (await namesOf(page)).join() === 'e11,e10', 'two rows again');
    const other = await context.newPage();
    await other.goto(link);
    await eventually(async () => (await namesOf(other)).join() === 'e11,e10', 'the same rows by the link');
    expect(await other.locator('#filter').inputValue()).toBe('name:e1*');
  });

  it('brings views and what was open back, and leaves a pause as it is', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 200);
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'e199' }).waitFor();
    const words = page.locator('.status-words');
    const topOf = () => page.evaluate<number>('document.querySelector(".scroller").scrollTop');
    // Who has scrolled reads on where they were, whatever they open and close.
    await page.evaluate('document.querySelector(".scroller").scrollTop = 1400');
    await words.filter({ hasText: 'Paused. 0 new.' }).waitFor();
    const inSight = await namesOf(page);
    await page.locator('.row', { hasText: inSight[20] ?? '' }).click();
    await page.locator('.drawer h2', { hasText: inSight[20] ?? '' }).waitFor();
    await log.appendNumbered(200, 10);
    await words.filter({ hasText: 'Paused. 10 new.' }).waitFor();
    await page.goBack();
    await page.locator('.drawer').waitFor({ state: 'detached' });
    await log.appendNumbered(210, 10);
    await words.filter({ hasText: 'Paused. 20 new.' }).waitFor();
    expect(await namesOf(page)).toEqual(inSight);
    expect(await topOf()).toBe(1_400);
    await page.goForward();
    await page.locator('.drawer h2', { hasText: inSight[20] ?? '' }).waitFor();
    expect(await words.textContent()).toBe('Paused. 20 new.');
    await page.keyboard.press('G');
    await page.locator('.row', { hasText: 'e219' }).waitFor();

    // So does a pause by a key, over views too.
    await page.keyboard.press('Space');
    await words.filter({ hasText: 'Paused. 0 new.' }).waitFor();
    const steps = await page.evaluate<number>('history.length');
    await page.getByRole('button', { name: 'Services', exact: true }).click();
    await page.getByRole('heading', { name: 'Services' }).waitFor();
    expect(await page.evaluate<number>('history.length')).toBe(steps + 1);
    expect(await page.locator('.drawer').count()).toBe(0);
    await page.goBack();
    await page.locator('.drawer').waitFor();
    await log.appendNumbered(220, 5);
    await words.filter({ hasText: 'Paused. 5 new.' }).waitFor();
    expect(await page.locator('.row', { hasText: 'e220' }).count()).toBe(0);
    await page.goForward();
    await page.getByRole('heading', { name: 'Services' }).waitFor();
    expect(await words.textContent()).toBe('Paused. 5 new.');
  });

  it('ends a replay by a step back to what was live', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 3);
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'e2' }).waitFor();
    await goTo(page, `/monitor/live?at=${new Date(Date.now() - 60_000).toISOString()}`);
    await page.locator('.badge-replay').waitFor();
    await page.goBack();
    await page.locator('.badge-live').waitFor();
    await eventually(async () => (await namesOf(page)).join() === 'e2,e1,e0', 'what is live');
  });

  it('says where a filter is wrong, and keeps what is shown', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 1);
    await page.locator('.row', { hasText: 'e0' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('severity:loud');
    await page.keyboard.press('Enter');
    await page.locator('#filter-problem', { hasText: /^Column \d+: / }).waitFor();
    expect(await namesOf(page)).toEqual(['e0']);
    // What is wrong can be read and put right.
    for (const width of [1_280, 360]) {
      await page.setViewportSize({ width, height: 740 });
      const box = await page.locator('#filter').boundingBox();
      expect(box?.width).toBeGreaterThan(200);
    }
  });
});
