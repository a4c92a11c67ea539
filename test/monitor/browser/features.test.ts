import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { type Log, startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { countsOf, eventually, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();

const CALL = 'call-8f2a';
const http = { 'http.request.method': 'POST', 'url.path': '/v1/chat' };
const root = { traceId: TRACE, spanId: spanId(1), service: 'gateway', callId: CALL, name: 'POST', attributes: http };

/** A request of two spans with an event, so long ago that a page that opens now does not read it. */
async function appendOldRequest(log: Log): Promise<void> {
  const child = { ...root, spanId: spanId(2), parentSpanId: spanId(1), name: 'retrieve', attributes: {} };
  await log.append(
    activity('span.start', 0, { ...root, spanKind: 'server' }),
    activity('span.start', 5, child),
    activity('event', 9, { ...child, name: 'cache.miss', summary: 'Nothing in the cache' }),
    activity('span.end', 40, { ...child, status: 'ok', durationMs: 35 }),
    activity('span.end', 50, { ...root, status: 'ok', durationMs: 50 }),
  );
  await log.appendNumbered(0, 1_100);
}

async function textOfClipboard(page: Page): Promise<string> {
  return page.evaluate('navigator.clipboard.readText()');
}

async function openWithClipboard(url: string, address?: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.openContext();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url });
  return { context, page: await openLive(context, url, address) };
}

describe.skipIf(browser.isMissing)('what can be done with the page', () => {
  it('opens a trace, a call and a span by link when the rows do not have them, and says when the log does not', async () => {
    const log = await startLog();
    await appendOldRequest(log);
    const context = await browser.openContext();
    const trace = await openLive(context, log.url, `/monitor/traces/${TRACE}`);
    await trace.locator('.waterfall h2', { hasText: 'POST /v1/chat' }).waitFor();
    expect(await trace.locator('.waterfall li').count()).toBe(2);
    const call = await openLive(context, log.url, `/monitor/calls/${CALL}`);
    await call.locator('.story', { hasText: 'POST /v1/chat' }).waitFor();
    const span = await openLive(context, log.url, `/monitor/live?row=${TRACE}/${spanId(2)}`);
    await span.locator('.drawer header h2', { hasText: 'retrieve' }).waitFor();
    expect((await countsOf(span)).rows).toBe(1_000);
    const gone = await openLive(context, log.url, `/monitor/traces/${'ab'.repeat(16)}`);
    await gone.getByText('This trace is not in the log, which goes back to').waitFor();
    await gone.goto(`${log.url}/monitor/calls/nobody`);
    await gone.getByText('This call is not in the log').waitFor();
  });

  it('searches the whole of a trace, and labels its ticks for keyboard and pointer', async () => {
    const log = await startLog();
    await appendOldRequest(log);
    const page = await openLive(await browser.openContext(), log.url, `/monitor/traces/${TRACE}`);
    await page.getByLabel('Search in the trace').fill('nothing in the cache');
    await page.getByText('1 span found').waitFor();
    expect(await page.locator('.waterfall li.is-found').textContent()).toContain('retrieve');
    const tick = page.locator('.tick');
    await tick.focus();
    expect(await tick.getAttribute('aria-label')).toMatch(/^00:00\.009 \(\d\d:\d\d:\d\d\.\d+\) Nothing in the cache$/);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Tab');
    const label = `getComputedStyle(document.querySelector('.tick'), '::after').content`;
    expect(await page.evaluate(label)).toContain('Nothing in the cache');
  });

  it('shows only what runs, from the keyboard, without a row that runs for ever', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.append(activity('span.start', 0, root), activity('event', 1, { name: 'alone' }));
    await page.locator('.row', { hasText: 'alone' }).waitFor();
    await page.keyboard.press('r');
    await eventually(async () => (await namesOf(page)).join() === 'POST', 'one row');
    expect(new URL(page.url()).searchParams.get('running')).toBe('1');
    await log.append(activity('span.end', 9, { ...root, status: 'ok', durationMs: 9 }));
    await page.getByText('Nothing runs now.').waitFor();
    await page.reload();
    await page.getByText('Nothing runs now.').waitFor();
    await page.keyboard.press('r');
    await page.locator('.row-ok').waitFor();
  });

  it('keeps filters with a name, hides health checks, and closes its menus', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.append(
      activity('event', 0, { name: 'GET /healthz' }),
      activity('event', 1, { name: 'GET', attributes: { 'url.path': '/livez' } }),
      activity('event', 2, { name: 'work', severity: 'error' }),
    );
    await eventually(async () => (await namesOf(page)).length === 3, 'three rows');
    await page.getByRole('button', { name: 'hide health' }).click();
    await eventually(async () => (await namesOf(page)).join() === 'work', 'health checks are hidden');
    await page.locator('summary', { hasText: 'saved' }).click();
    await page.getByLabel('Name for the filter').fill('no probes');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'no probes', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    expect(await page.locator('details[open]').count()).toBe(0);
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await page.reload();
    await eventually(async () => (await namesOf(page)).length === 3, 'three rows again');
    await page.locator('summary', { hasText: 'saved' }).click();
    await page.getByRole('button', { name: 'no probes', exact: true }).click();
    await eventually(async () => (await namesOf(page)).join() === 'work', 'the saved filter');
    await page.getByLabel('Forget no probes').click();
    await page.getByText('No filter is saved in this browser.').waitFor();
    await page.locator('.brand').click();
    expect(await page.locator('details[open]').count()).toBe(0);
  });

  it('copies a row as JSON, Markdown, curl and link, and links into the trace backend', async () => {
    const log = await startLog({ traceUrl: 'https://tempo.example/trace/{traceId}' });
    const { page } = await openWithClipboard(log.url);
    await log.append(
      activity('span.start', 0, root),
      activity('span.end', 9, { ...root, status: 'ok', durationMs: 9 }),
    );
    await page.locator('.row-ok').click();
    await page.locator('.drawer header h2', { hasText: 'POST /v1/chat' }).waitFor();
    const copy = async (what: string): Promise<string> => {
      await page.getByRole('button', { name: `copy ${what}` }).click();
      await page.getByRole('button', { name: 'copied' }).waitFor();
      await page.getByRole('button', { name: `copy ${what}` }).waitFor();
      return textOfClipboard(page);
    };
    expect(JSON.parse(await copy('JSON'))).toMatchObject([{ kind: 'span.start' }, { kind: 'span.end', durationMs: 9 }]);
    expect(await copy('Markdown')).toMatch(/^### `POST`: ok in 9/);
    const answer = await fetch(/'(http.*)'/.exec(await copy('curl'))?.[1] ?? '');
    expect(((await answer.json()) as { traceId: string }).traceId).toBe(TRACE);
    expect(await copy('link')).toBe(page.url());
    const link = page.getByRole('link', { name: 'Open in Tempo' });
    expect(await link.getAttribute('href')).toBe(`https://tempo.example/trace/${TRACE}`);
    await page.keyboard.press('y');
    await page.getByText('The link is copied.').waitFor();
    expect(await textOfClipboard(page)).toBe(page.url());
    await page.keyboard.press('c');
    await page.getByText('The row is copied.').waitFor();
    expect(await textOfClipboard(page)).toMatch(/^\[\n {2}\{/);
  });

  it('keeps the trace beside the span that is opened in it, and lists the longest first', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url, '/monitor/traces');
    const other = { ...root, traceId: 'ab'.repeat(16), name: 'GET', callId: 'other', service: 'shop' };
    await log.append(
      activity('span.end', 900, { ...root, status: 'ok', durationMs: 900 }),
      activity('span.end', 1_000, { ...other, status: 'ok', durationMs: 5 }),
    );
    const titles = page.locator('.cards b');
    await eventually(async () => (await titles.allTextContents()).join().includes('GET'), 'both traces');
    expect((await titles.allTextContents()).map((title) => title.trim())).toEqual([
      'ok GET /v1/chat',
      'ok POST /v1/chat',
    ]);
    await page.getByLabel('Order').selectOption('duration');
    await eventually(async () => (await titles.first().textContent())?.includes('POST') === true, 'longest first');
    await titles.first().click();
    await page.locator('.waterfall li').getByRole('button', { name: /POST/ }).click();
    await page.locator('.drawer header h2').waitFor();
    expect(await page.locator('.detail .waterfall').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await page.locator('.drawer').waitFor({ state: 'detached' });
    expect(new URL(page.url()).pathname).toBe(`/monitor/traces/${TRACE}`);
    await page.getByLabel('Service').selectOption('shop');
    await eventually(async () => (await titles.count()) === 1, 'one service');
    expect(new URL(page.url()).searchParams.get('filter')).toBe('service:shop');
    await page.getByLabel('Service').selectOption('');
    await eventually(async () => (await titles.count()) === 2, 'all services');
  });

  it('is filtered from the header: by errors and by a range of durations, and replays from the sparkline', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.append(activity('span.end', 0, { ...root, status: 'error', durationMs: 700 }));
    await page.locator('.row-error').waitFor();
    await page
      .locator('.figures')
      .getByRole('button', { name: /^errors/ })
      .click();
    await eventually(async () => new URL(page.url()).searchParams.get('filter') === 'severity:>=error', 'errors only');
    await page.locator('summary', { hasText: 'p95' }).click();
    await page.getByRole('option', { name: '500 ms to 1 s' }).click();
    await eventually(
      async () =>
        new URL(page.url()).searchParams.get('filter') === 'severity:>=error duration:>=500ms duration:<1000ms',
      async () => page.url(),
    );
    await page.keyboard.press('Escape');
    await page.locator('button.sparkline').focus();
    await page.keyboard.press('Enter');
    await page.locator('.badge-replay').waitFor();
  });
});
