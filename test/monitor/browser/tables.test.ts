import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { formatTimeUs } from '../../../src/activity/time.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { eventually, goTo, namesOf, openLive, readersOf, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const now = (): string => formatTimeUs(Date.now() * 1_000);

/** A span that ends now. */
function ended(number: number, durationMs: number, more: Partial<Activity> = {}): Activity {
  const ids = {
    traceId: TRACE,
    spanId: spanId(number),
    service: 'gateway',
    instance: 'vm:1-a',
    name: `span ${number}`,
  };
  return activity('span.end', 0, { ...ids, time: now(), status: 'ok', durationMs, ...more });
}

/** The rows of the table: each cell by its title. */
function tableOf(page: Page): Promise<Record<string, string>[]> {
  return page.evaluate(`[...document.querySelectorAll('tbody tr')].map((row) => ({
    Service: row.querySelector('th').innerText.trim(),
    ...Object.fromEntries([...row.querySelectorAll('td')].map((cell) => [cell.dataset.title, cell.innerText.trim()])),
  }))`);
}

function factOf(page: Page, fact: string): Promise<string | null> {
  return page
    .locator('.facts > div', { has: page.getByText(fact, { exact: true }) })
    .locator('dd')
    .textContent();
}

describe.skipIf(browser.isMissing)('tables in a browser', () => {
  it('have the figures of each service, and lead to its rows', async () => {
    const log = await startLog();
    const durations = Array.from({ length: 99 }, (_, at) => ended(at + 1, at + 1));
    await log.append(...durations, ended(100, 100, { status: 'error', severity: 'error' }));
    await log.append(
      activity('span.start', 0, {
        traceId: TRACE,
        spanId: spanId(200),
        service: 'worker',
        time: now(),
        name: 'at work',
      }),
      activity('notice', 0, { name: 'livespan.instance_lost', service: 'worker', instance: 'vm:2-b', time: now() }),
    );
    const page = await openLive(await browser.openContext(), log.url, '/monitor/services');
    await eventually(async () => (await tableOf(page)).length === 2, 'two services');
    const find = async (name: string) => (await tableOf(page)).find(({ Service }) => Service === name) ?? {};
    const gateway = await find('gateway');
    expect(gateway).toMatchObject({ Errors: '1.0 %', Running: '0', Instances: 'vm:1-a' });
    const percentiles = ['p50', 'p95', 'p99'].map((title) => Number.parseFloat(gateway[title] ?? ''));
    for (const [index, expected] of [50, 95, 99].entries())
      expect(Math.abs((percentiles[index] ?? 0) - expected), `${percentiles}`).toBeLessThanOrEqual(1);
    expect(gateway['Last seen']).toMatch(/^\d\d:\d\d:\d\d$/);
    await eventually(async () => /^[1-9][\d.]*\/s$/.test((await find('gateway')).Rate ?? ''), 'a rate');
    expect(await find('worker')).toMatchObject({ Errors: '–', p50: '–', Running: '1' });
    expect((await find('worker')).Instances).toContain('vm:2-b (lost)');
    await log.append(ended(200, 5, { service: 'worker', name: 'at work' }));
    await eventually(async () => (await find('worker')).Running === '0', 'it does not run any more');

    await page.getByRole('button', { name: 'worker', exact: true }).click();
    await page.locator('.row', { hasText: 'at work' }).waitFor();
    expect(new URL(page.url()).searchParams.get('filter')).toBe('service:worker');
    expect(await namesOf(page)).not.toContain('span 1');
  });

  it('say how livespan itself is: the log, its readers, and what was dropped why', async () => {
    const log = await startLog();
    const dropped = { 'livespan.dropped.total': 7, 'livespan.dropped.queue_full': 5, 'livespan.dropped.rejected': 2 };
    await log.appendNumbered(0, 3);
    await log.append(
      activity('notice', 0, { name: 'livespan.dropped', service: 'gateway', severity: 'warn', attributes: dropped }),
    );
    const page = await openLive(await browser.openContext(), log.url, '/monitor/health');
    await page.getByText('7 activities dropped by applications.').waitFor();
    await page.locator('.losses li', { hasText: /gateway .*dropped 7 activities: queue_full 5, rejected 2/ }).waitFor();
    await page.locator('.status .is-warn', { hasText: '7 dropped by applications' }).waitFor();
    await eventually(async () => (await factOf(page, 'Entries')) === '4', 'the entries of the log');
    await eventually(async () => Number(await factOf(page, 'Readers')) === (await readersOf(log.url)), 'the readers');
    expect(await factOf(page, 'This page shares its connection by')).toBe('a worker for all tabs');
    expect(await factOf(page, 'This page has seen')).toBe('4 activities, 0 errors');
    // Sampling is announced, wherever one looks.
    const lagged = '{"type":"lagged","cursor":"1-1","missed":5,"sampled":4}\n';
    const line = JSON.stringify({ cursor: '1-2', ...activity('event', 0, { name: 'after' }) });
    const file = { name: 'lagged.ndjson', mimeType: 'text/plain', buffer: Buffer.from(`${lagged}${line}\n`) };
    await page.getByLabel('File to show').setInputFiles(file);
    await page.getByText('one in 4 shown, errors always').waitFor();
    await page.getByText('The server sends one in 4; errors are always sent.').waitFor();
    await goTo(page, '/monitor/live');
    await page.getByText('5 activities were skipped because this page was too slow.').waitFor();
  });
});

describe.skipIf(browser.isMissing)('the looks of the page', () => {
  it('go with the system or stay as chosen, and have more contrast on demand in both', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext({ colorScheme: 'light' }), log.url);
    const colours = () =>
      page.evaluate<[paper: string, ink: string, quiet: string]>(`(() => {
        const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        return [of('--paper'), of('--ink'), of('--ink-2')];
      })()`);
    const light = await colours();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await colours();
    expect(dark[0]).not.toBe(light[0]);
    const theme = page.locator('button.theme');
    await theme.click();
    await eventually(async () => (await colours()).join() === light.join(), 'light, although the system is dark');
    expect(new URL(page.url()).searchParams.get('theme')).toBe('light');
    await page.reload();
    await page.locator('.badge-live').waitFor();
    expect(await colours()).toEqual(light);
    await page.emulateMedia({ colorScheme: 'light' });
    await theme.click();
    await eventually(async () => (await colours()).join() === dark.join(), 'dark, although the system is light');
    for (const scheme of ['dark', 'system']) {
      await page.emulateMedia({ colorScheme: 'dark', contrast: 'more' });
      const [, ink, quiet] = await colours();
      expect(quiet, `more contrast, ${scheme}`).toBe(ink);
      await page.emulateMedia({ contrast: 'no-preference' });
      await theme.click();
    }
  });

  it('give the details more room by keyboard, and change their tabs with the arrows', async () => {
    const log = await startLog();
    await log.append(ended(1, 5, { attributes: { 'http.route': '/things' } }));
    const page = await openLive(await browser.openContext(), log.url, `/monitor/live?row=${TRACE}/${spanId(1)}`);
    const width = async (): Promise<number> => (await page.locator('.drawer').boundingBox())?.width ?? 0;
    await page.getByRole('separator', { name: 'Width of the details' }).focus();
    const before = await width();
    await page.keyboard.press('ArrowLeft');
    await eventually(async () => (await width()) > before + 20, 'more room');
    await page.getByRole('tab', { name: 'Story' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('tab', { name: 'Attributes', selected: true }).waitFor();
    // What a name of the conventions means is said.
    await page.locator('.drawer dt', { hasText: 'http.route' }).locator('small').waitFor();
    expect(new URL(page.url()).searchParams.get('tab')).toBe('attributes');
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('tab', { name: 'Story', selected: true }).waitFor();
  });

  it('have what runs on top, with its events below it, and what is over below the line', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    const ids = { traceId: TRACE, spanId: spanId(1), service: 'gateway', name: 'long' };
    await log.append(activity('span.start', 0, ids), ended(2, 5), activity('event', 0, { name: 'later' }));
    await log.append(activity('event', 5, { ...ids, name: 'step.done', summary: 'The first step is done' }));
    const lines = () =>
      page.evaluate<string>(`[...document.querySelectorAll('.line')]
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map((line) => line.querySelector('.name')?.firstChild?.textContent ?? line.textContent).join()`);
    const wanted = 'long,The first step is done,now,later,span 2';
    await eventually(
      async () => (await lines()) === wanted,
      async () => `${wanted}, has ${await lines()}`,
    );
    expect(await page.locator('.nested .took').textContent()).toBe('+5.0 ms');
    await log.append(activity('span.end', 50, { ...ids, status: 'ok', durationMs: 50 }));
    await page.locator('.row-ok', { hasText: 'long' }).waitFor();
    await eventually(async () => !(await lines()).includes('now'), 'nothing runs');
  });
});
