import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { eventually, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const OTHER = '1'.repeat(32);

function took(traceId: string, number: number, name: string, more: Partial<Activity> = {}): Activity[] {
  const span = {
    traceId,
    spanId: spanId(number),
    service: 'gateway',
    callId: `call-${traceId.slice(0, 4)}`,
    name,
    ...more,
  };
  return [
    activity('span.start', number, span),
    activity('span.end', number + 20, { ...span, status: 'ok', durationMs: 20 }),
  ];
}

/** Two traces, which are two calls; the newer one has three spans. */
async function open(address: string): Promise<Page> {
  const log = await startLog();
  await log.append(
    ...took(OTHER, 1, 'older'),
    ...took(TRACE, 2, 'newer', { service: 'web' }),
    ...took(TRACE, 3, 'inner', { parentSpanId: spanId(2) }),
    ...took(TRACE, 4, 'last', { parentSpanId: spanId(2) }),
  );
  return openLive(await browser.openContext(), log.url, address);
}

async function goes(page: Page, key: string, name: string): Promise<void> {
  await page.keyboard.press(key);
  const at = (): Promise<string> => page.evaluate('document.activeElement?.textContent ?? ""');
  await eventually(
    async () => (await at()).includes(name),
    async () => `${key} goes to ${name}, not to ${await at()}`,
  );
}

describe.skipIf(browser.isMissing)('by keyboard, beside Live', () => {
  it('traces are gone along and opened, then their lines and their spans', async () => {
    const page = await open('/monitor/traces');
    await page.locator('.cards button').nth(1).waitFor();
    await goes(page, 'j', 'newer');
    await goes(page, 'j', 'older');
    await goes(page, 'ArrowDown', 'older');
    await goes(page, 'ArrowUp', 'newer');
    expect(new URL(page.url()).pathname).toBe('/monitor/traces');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/monitor/traces/${TRACE}`);
    // Moving on takes the trace along.
    await goes(page, 'j', 'older');
    await page.waitForURL(`**/monitor/traces/${OTHER}`);
    await goes(page, 'k', 'newer');
    await page.waitForURL(`**/monitor/traces/${TRACE}`);

    await page.locator('.waterfall').getByRole('button', { name: 'ok newer' }).focus();
    await goes(page, 'j', 'inner');
    await goes(page, 'ArrowDown', 'last');
    await goes(page, 'k', 'inner');
    await page.keyboard.press('Enter');
    await page.locator('.drawer header h2', { hasText: 'inner' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.drawer').waitFor({ state: 'detached' });
    // Into the trace without going through all that stands before it.
    await page.keyboard.press(']');
    await page.locator('.drawer header h2', { hasText: 'newer' }).waitFor();
    await page.keyboard.press(']');
    await page.locator('.drawer header h2', { hasText: 'inner' }).waitFor();
  });

  it('calls are gone along and opened', async () => {
    const page = await open('/monitor/calls');
    await page.locator('.cards button').nth(1).waitFor();
    await goes(page, 'j', 'call-');
    const first = await page.evaluate<string>('document.activeElement.querySelector("code").textContent');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/monitor/calls/${first}`);
    await page.keyboard.press('j');
    await page.waitForURL((url) => url.pathname !== `/monitor/calls/${first}`);
    await page.locator('.story h2', { hasText: 'older' }).waitFor();
  });

  it('services are gone along, and a view without a list is scrolled', async () => {
    const page = await open('/monitor/services');
    await page.locator('tbody tr').nth(1).waitFor();
    await goes(page, 'j', 'gateway');
    await goes(page, 'j', 'web');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('filter') === 'service:web');
    await page.setViewportSize({ width: 700, height: 300 });
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.getByText('Health of livespan').waitFor();
    const top = (): Promise<number> => page.evaluate('document.getElementById("view").scrollTop');
    await page.keyboard.press('j');
    await eventually(async () => (await top()) > 0, 'scrolled down');
    await page.keyboard.press('k');
    await eventually(async () => (await top()) === 0, 'scrolled up');
  });
});
