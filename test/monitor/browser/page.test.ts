import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { launchChromium, provideChromium } from '../../support/chromium.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { buildMonitor, eventually, isSideways, namesOf, openContext, openLive } from './open-page.ts';

const program = provideChromium();
const XSS = `<img src=x onerror="globalThis.wasRun=1"><script>globalThis.wasRun=1</script>"'\`{{1}}`;
let browser: Browser;

beforeAll(async () => {
  if (program === undefined) return;
  await buildMonitor();
  browser = await launchChromium(program);
}, 120_000);
afterAll(() => browser?.close());

/** A call of two spans with an event and a failure, every free text being `words`. */
function someCall(words: (field: string) => string): Activity[] {
  const common = {
    traceId: TRACE,
    callId: words('call'),
    service: words('service'),
    instance: words('instance'),
    attributes: { [words('attribute')]: words('value'), 'gen_ai.request.model': words('model') },
  };
  const root = { ...common, spanId: spanId(1), name: words('name') };
  const child = { ...common, spanId: spanId(2), parentSpanId: spanId(1), name: words('child') };
  return [
    activity('span.start', 0, { ...root, spanKind: 'server' }),
    activity('span.start', 5, { ...child, spanKind: 'client' }),
    activity('event', 9, { ...child, name: words('event'), summary: words('summary'), severity: 'error' }),
    activity('span.end', 40, { ...child, status: 'error', statusMessage: words('status'), durationMs: 35 }),
    activity('span.end', 50, { ...root, status: 'ok', durationMs: 50 }),
  ];
}

/** Each view, and what is on it once all of it is there. */
const VIEWS: readonly [address: string, sign: string][] = [
  ['/monitor/live', '.row-error'],
  [`/monitor/live?row=${TRACE}/${spanId(2)}`, '.drawer .step'],
  [`/monitor/live?row=${TRACE}/${spanId(2)}&tab=attributes`, '.drawer dl'],
  [`/monitor/live?row=${TRACE}/${spanId(2)}&tab=json`, '.drawer pre'],
  [`/monitor/live?row=${TRACE}/${spanId(2)}&tab=trace`, '.drawer .waterfall-bar'],
  [`/monitor/traces/${TRACE}`, '.waterfall-bar'],
  ['/monitor/services', 'table'],
  ['/monitor/health', '.facts'],
];

async function show(page: Page, url: string, [address, sign]: readonly [string, string]): Promise<void> {
  await page.goto(url + address);
  await page.locator(sign).first().waitFor({ timeout: 10_000 });
}

describe.skipIf(program === undefined)('the page in a browser', () => {
  it('is filtered from the keyboard, and the address brings each step back', async () => {
    const log = await startLog();
    const context = await openContext(browser);
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
    const page = await openLive(await openContext(browser), log.url);
    await log.appendNumbered(0, 1);
    await page.locator('.row', { hasText: 'e0' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('severity:loud');
    await page.keyboard.press('Enter');
    await page.locator('#filter-problem', { hasText: /^Column \d+: / }).waitFor();
    expect(await namesOf(page)).toEqual(['e0']);
  });

  it('shows markup in every field as text', async () => {
    const log = await startLog();
    const page = await openLive(await openContext(browser), log.url);
    await log.append(...someCall((field) => `${field}${XSS}`));
    await page.locator('.row-error').first().waitFor();
    const call = [`/monitor/calls/${encodeURIComponent(`call${XSS}`)}`, '.step'] as const;
    const seen = new Set<string>();
    for (const view of [...VIEWS, call]) {
      await show(page, log.url, view);
      const text = await page.evaluate<string>('document.body.innerText');
      for (const field of ['name', 'child', 'service', 'call', 'summary', 'status', 'attribute', 'value'])
        if (text.includes(`${field}<img src=x`)) seen.add(field);
      expect(await page.evaluate('[globalThis.wasRun, document.querySelectorAll("img").length]'), view[0]).toEqual([
        undefined,
        0,
      ]);
    }
    expect([...seen].sort()).toEqual(
      ['attribute', 'call', 'child', 'name', 'service', 'status', 'summary', 'value'].sort(),
    );
  });

  it.each([
    ['360 px', { viewport: { width: 360, height: 740 } }],
    ['200 % zoom', { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }],
  ])('never scrolls sideways at %s', async (_name, options) => {
    const log = await startLog();
    const page = await openLive(await openContext(browser, options), log.url);
    await log.append(...someCall((field) => `${field}-${'long'.repeat(30)}`));
    for (const view of [...VIEWS, [`/monitor/calls/call-${'long'.repeat(30)}`, '.step'] as const]) {
      await show(page, log.url, view);
      expect(await isSideways(page), view[0]).toBe(false);
    }
  });

  it.each(['light', 'dark'] as const)('has nothing serious that axe can find (%s)', async (colorScheme) => {
    const log = await startLog();
    const page = await openLive(await openContext(browser, { colorScheme, reducedMotion: 'reduce' }), log.url);
    await log.append(...someCall((field) => field));
    const more = [['/monitor/calls/call', '.step'] as const, ['/monitor/live?filter=name:nothing', '.empty'] as const];
    for (const view of [...VIEWS, ...more]) {
      await show(page, log.url, view);
      await page.evaluate(axe.source);
      const found = await page.evaluate<string[]>(
        `axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html + ' ' + failureSummary).join(' | ')))`,
      );
      expect(found, view[0]).toEqual([]);
    }
  });
});
