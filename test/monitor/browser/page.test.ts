import { describe, expect, it } from 'vitest';
import { startLog } from '../feed/live.ts';
import { eventually, namesOf, openLive, shareBrowser } from './open-page.ts';

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
  });
});
