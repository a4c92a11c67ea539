import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { formatTimeUs } from '../../../src/activity/time.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { eventually, isSideways, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
let spans = 0;

/** A span of now that took so long. */
function took(name: string, durationMs: number, more: Partial<Activity> = {}): Activity[] {
  spans += 1;
  const nowUs = Date.now() * 1_000;
  const ids = { traceId: TRACE, spanId: spanId(spans), service: 'gateway', name };
  return [
    activity('span.start', 0, { ...ids, time: formatTimeUs(nowUs - durationMs * 1_000), ...more }),
    activity('span.end', 0, { ...ids, time: formatTimeUs(nowUs), status: 'ok', durationMs, ...more }),
  ];
}

function filterOf(page: Page): string {
  return new URL(page.url()).searchParams.get('filter') ?? '';
}

async function untilNames(page: Page, ...names: string[]): Promise<void> {
  const wanted = names.sort().join();
  await eventually(
    async () => (await namesOf(page)).sort().join() === wanted,
    async () => `rows ${wanted}, has ${(await namesOf(page)).join()}`,
  );
}

describe.skipIf(browser.isMissing)('filters in a browser', () => {
  it('are chosen by chips, the error rate and the service, and shown in the line', async () => {
    const log = await startLog();
    await log.append(
      ...took('GET /health', 2),
      ...took('fine', 2),
      ...took('failed', 2, { severity: 'error', status: 'error' }),
      activity('event', 0, { name: 'told', service: 'worker' }),
    );
    const page = await openLive(await browser.openContext(), log.url);
    await untilNames(page, 'GET /health', 'fine', 'failed', 'told');
    const errors = page.locator('.figures').getByRole('button', { name: /^errors/ });
    await errors.filter({ hasText: 'errors 33 %' }).waitFor();
    const toggle = async (name: string, ...left: string[]): Promise<void> => {
      const chip = page.locator('.chips').getByRole('button', { name, exact: true });
      await chip.click();
      await untilNames(page, ...left);
      expect(await chip.getAttribute('aria-pressed')).toBe('true');
      await chip.click();
      await untilNames(page, 'GET /health', 'fine', 'failed', 'told');
    };
    await toggle('errors', 'failed');
    await toggle('hide health', 'fine', 'failed', 'told');
    await toggle('running');
    const choose = async (field: string, option: string, ...left: string[]): Promise<void> => {
      await page.getByLabel(field, { exact: true }).selectOption({ label: option });
      await untilNames(page, ...left);
    };
    await choose('Kind', 'spans', 'GET /health', 'fine', 'failed');
    await choose('Kind', 'events', 'told');
    await choose('Kind', 'logs');
    await choose('Kind', 'all kinds', 'GET /health', 'fine', 'failed', 'told');
    await choose('Severity', 'warn and worse', 'failed');
    expect(await page.locator('#filter').inputValue()).toBe('severity:>=warn');
    await choose('Severity', 'errors only', 'failed');
    expect(await page.locator('.chips').getByRole('button', { name: 'errors' }).getAttribute('aria-pressed')).toBe(
      'true',
    );
    await choose('Severity', 'all severities', 'GET /health', 'fine', 'failed', 'told');
    // On a phone too.
    await page.setViewportSize({ width: 360, height: 740 });
    for (const field of ['Service', 'Severity', 'Kind', 'Order'])
      expect(await page.getByLabel(field, { exact: true }).isVisible(), field).toBe(true);
    expect(await isSideways(page)).toBe(false);
    await page.setViewportSize({ width: 1_280, height: 800 });
    await page.getByLabel('Service').selectOption('worker');
    await untilNames(page, 'told');
    expect(await page.locator('#filter').inputValue()).toBe('service:worker');
    await page.getByLabel('Clear the filter').click();
    await errors.click();
    await untilNames(page, 'failed');
  });

  it('say so when they may hide how spans end, and no clock runs then', async () => {
    const log = await startLog();
    const [begun, ended] = took('over', 20);
    const [running] = took('open', 0);
    if (begun === undefined || ended === undefined || running === undefined) throw new Error('no span');
    await log.append(begun, ended, running);
    const page = await openLive(await browser.openContext(), log.url, '/monitor/live?filter=kind:span.start');
    await untilNames(page, 'over', 'open');
    await page.getByText('This filter may hide how spans end: their rows say “started”, and no clock runs.').waitFor();
    const cells = (name: string) => page.locator(`.row-started .${name}`).allInnerTexts();
    expect((await cells('state')).map((text) => text.trim())).toEqual(['started', 'started']);
    expect(await cells('took')).toEqual(['', '']);
    await page.locator('.chips').getByRole('button', { name: 'running' }).click();
    await page.getByText('What runs is not known.').waitFor();
    await page.getByLabel('Clear the filter').click();
    await untilNames(page, 'open');
    await page.locator('.row-running .took', { hasText: /^\d/ }).waitFor();
    expect(await page.locator('.banner').count()).toBe(0);
  });

  it('are completed from what was seen, by keyboard alone', async () => {
    const log = await startLog();
    await log.append(
      ...took('alpha', 2),
      activity('event', 0, { name: 'beta', service: 'worker', attributes: { 'user.plan': 'pro' } }),
    );
    const page = await openLive(await browser.openContext(), log.url);
    await untilNames(page, 'alpha', 'beta');
    const offers = page.locator('#filter-offers');
    await page.keyboard.press('/');
    await page.keyboard.type('serv');
    await offers.getByRole('option', { name: /^service:\s+who says it/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('#filter').getAttribute('aria-activedescendant')).toBe('offer-0');
    await page.keyboard.press('Enter');
    await offers.getByRole('option', { name: /^worker/ }).waitFor();
    await page.keyboard.type('w');
    // What begins with it comes first.
    await page.locator('#offer-0', { hasText: 'worker' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    await eventually(
      async () => (await page.locator('#filter').inputValue()) === 'service:worker ',
      'the completed term',
    );
    await page.keyboard.type('@user');
    await offers.getByRole('option', { name: /^@user\.plan/ }).waitFor();
    // The first Esc closes the list, and what was typed stays.
    await page.keyboard.press('Escape');
    await offers.getByRole('option').first().waitFor({ state: 'hidden' });
    await page.keyboard.type('.plan:pro');
    await page.keyboard.press('Enter');
    await untilNames(page, 'beta');
    expect(filterOf(page)).toBe('service:worker @user.plan:pro');
  });

  it('find free text, and sort by what took longest', async () => {
    const log = await startLog();
    await log.append(
      ...took('first', 700),
      ...took('second', 20),
      activity('event', 0, { name: 'told', summary: 'The needle is in here' }),
    );
    const page = await openLive(await browser.openContext(), log.url);
    await untilNames(page, 'first', 'second', 'told');
    await page.getByLabel('Order').selectOption('duration');
    await eventually(async () => (await namesOf(page)).slice(0, 2).join() === 'first,second', 'the longest first');
    expect(new URL(page.url()).searchParams.get('order')).toBe('duration');
    await page.keyboard.press('/');
    await page.keyboard.type('needle');
    await page.keyboard.press('Enter');
    await untilNames(page, 'told');
  });
});
