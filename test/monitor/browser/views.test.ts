import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { type Log, startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { afterAllTests, goTo, isSideways, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const atEnd = afterAllTests();
const XSS = `<img src=x onerror="globalThis.wasRun=1"><script>globalThis.wasRun=1</script>"'\`{{1}}`;
const LONG = 'long'.repeat(30);
const ORPHAN = '5bf92f3577b34da6a3ce929d0e0e4736';
const DESK = { width: 1_280, height: 800 };

/** A call of two spans with an event, a failure and what was said, every free text being `words`. */
function someCall(words: (field: string) => string): Activity[] {
  const common = {
    traceId: TRACE,
    callId: words('call'),
    service: words('service'),
    instance: words('instance'),
    scope: words('scope'),
    attributes: {
      [words('attribute')]: words('value'),
      'gen_ai.request.model': words('model'),
      'gen_ai.usage.input_tokens': 5,
      'gen_ai.input.messages': JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: words('prompt') }] }]),
      'gen_ai.response.finish_reasons': [words('reason')],
    },
  };
  const root = { ...common, spanId: spanId(1), name: words('name') };
  const child = { ...common, spanId: spanId(2), parentSpanId: spanId(1), name: words('child') };
  const dropped = { 'livespan.dropped.total': 3, [`livespan.dropped.${words('why')}`]: 3 };
  return [
    activity('notice', 0, { ...common, name: 'livespan.dropped', severity: 'warn', attributes: dropped }),
    activity('span.start', 0, { ...root, spanKind: 'server' }),
    activity('span.start', 5, { ...child, spanKind: 'client' }),
    activity('event', 9, { ...child, name: words('event'), summary: words('summary'), severity: 'error' }),
    activity('log', 10, { name: words('logged'), summary: words('line'), service: words('second'), severity: 'warn' }),
    activity('span.end', 40, { ...child, status: 'error', statusMessage: words('status'), durationMs: 35 }),
    activity('span.end', 50, { ...root, status: 'ok', durationMs: 50 }),
    activity('span.start', 60, { ...root, traceId: ORPHAN, spanId: spanId(4), parentSpanId: spanId(9) }),
  ];
}

interface Shown {
  name: string;
  address: string;
  /** What is on it once all of it is there. */
  sign: string;
  /** What opens it, where an address does not; and what takes it away. */
  open?: (page: Page) => Promise<unknown>;
  close?: (page: Page) => Promise<unknown>;
}

const row = `/monitor/live?row=${TRACE}/${spanId(2)}`;
const closeOne = (page: Page): Promise<void> => page.keyboard.press('Escape');
const closeTwice = (page: Page): Promise<void> => closeOne(page).then(() => closeOne(page));
const press = (key: string) => (page: Page) => page.keyboard.press(key);
const menu = (name: string) => (page: Page) => page.locator('summary', { hasText: name }).click();

/** Each view, each part of one that opens, and each state of it that can be had without harm to the server. */
function views(words: (field: string) => string): readonly Shown[] {
  return [
    { name: 'live', address: '/monitor/live', sign: '.row-error' },
    { name: 'live, longest first', address: '/monitor/live?order=duration', sign: '.row-error' },
    { name: 'the story of a row', address: row, sign: '.drawer .step' },
    { name: 'attributes of a row', address: `${row}&tab=attributes`, sign: '.drawer dl' },
    { name: 'a row as JSON', address: `${row}&tab=json`, sign: '.drawer pre' },
    { name: 'the trace of a row', address: `${row}&tab=trace`, sign: '.drawer .waterfall-bar' },
    { name: 'traces', address: '/monitor/traces', sign: '.cards button' },
    { name: 'a trace', address: `/monitor/traces/${TRACE}`, sign: '.waterfall-bar' },
    { name: 'a trace that runs under a placeholder', address: `/monitor/traces/${ORPHAN}`, sign: '.span-placeholder' },
    { name: 'calls', address: '/monitor/calls', sign: '.cards button' },
    { name: 'a call', address: `/monitor/calls/${encodeURIComponent(words('call'))}`, sign: '.chat' },
    { name: 'services', address: '/monitor/services', sign: 'table' },
    { name: 'health', address: '/monitor/health', sign: '.losses li' },
    { name: 'no match', address: '/monitor/live?filter=name:nothing+-kind:notice', sign: '.empty' },
    { name: 'a trace that is gone', address: `/monitor/traces/${'ab'.repeat(16)}`, sign: '.detail .muted' },
    { name: 'a wrong filter', address: '/monitor/live?filter=severity:loud', sign: '#filter-problem:not(:empty)' },
    { name: 'the keys', address: '/monitor/live', sign: '.help', open: press('?'), close: closeOne },
    { name: 'the histogram', address: '/monitor/live', sign: '.histogram canvas', open: menu('p95'), close: closeOne },
    { name: 'saved filters', address: '/monitor/live', sign: '.menu form', open: menu('saved'), close: closeOne },
    { name: 'moments to replay', address: '/monitor/live', sign: '#travel input', open: press('t'), close: closeOne },
    {
      name: 'completions',
      address: '/monitor/live',
      sign: '#filter-offers [role=option]',
      open: press('/'),
      close: closeTwice,
    },
    { name: 'paused', address: '/monitor/live', sign: '.badge-paused', open: press('Space'), close: press('Space') },
    { name: 'a replay', address: '/monitor/live?at=2026-01-01T00:00:00Z', sign: '.travel' },
  ];
}

async function show(page: Page, { address, sign, open }: Shown): Promise<void> {
  await goTo(page, address);
  await open?.(page);
  await page.locator(sign).first().waitFor();
}

/** What axe finds serious, in words. */
function faults(page: Page, options: string): Promise<string[]> {
  return page.evaluate(
    `axe.run(document, ${options}).then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html + ' ' + failureSummary).join(' | ')))`,
  );
}

/** What can be pressed but lies outside of the window, and what scrolls sideways within it. */
function outOfSight(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('.app *')].filter((part) => {
    if (!part.checkVisibility() || part.closest('.sr-only, .skip')) return false;
    const { left, right, width } = part.getBoundingClientRect();
    const isControl = part.matches('button, input, select, summary, a') && width > 0;
    if (isControl && (left < -1 || right > innerWidth + 1)) return true;
    return /auto|scroll/.test(getComputedStyle(part).overflowX) && part.scrollWidth > part.clientWidth + 1;
  }).map((part) => part.outerHTML.slice(0, 160))`);
}

async function openAll(log: Log, words: (field: string) => string): Promise<Page> {
  await log.append(...someCall(words));
  const context = await browser.openContext({ viewport: DESK, reducedMotion: 'reduce', colorScheme: 'light' }, atEnd);
  const page = await openLive(context, log.url);
  await page.locator('.row-error').first().waitFor();
  return page;
}

describe.skipIf(browser.isMissing)('each view', () => {
  let page: Page;
  beforeAll(async () => {
    if (browser.isMissing) return;
    page = await openAll(await startLog({}, atEnd), (field) => `${field}-${LONG}`);
    await page.evaluate(axe.source);
  }, 120_000);

  it.each(views((field) => `${field}-${LONG}`))(
    'is for everyone, in light and dark, at 360 px and 200 % zoom: $name',
    async (view) => {
      await show(page, view);
      expect.soft(await faults(page, '{}'), 'light').toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect.soft(await faults(page, `{ runOnly: ['color-contrast', 'link-in-text-block'] }`), 'dark').toEqual([]);
      await page.emulateMedia({ colorScheme: 'light' });
      // Zoomed to 200 %, a window has half as many px of CSS.
      for (const viewport of [
        { width: 360, height: 740 },
        { width: DESK.width / 2, height: DESK.height / 2 },
      ]) {
        await page.setViewportSize(viewport);
        await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
        expect.soft(await isSideways(page), `sideways at ${viewport.width} px`).toBe(false);
        expect.soft(await outOfSight(page), `at ${viewport.width} px`).toEqual([]);
      }
      await page.setViewportSize(DESK);
      await view.close?.(page);
    },
  );
});

describe.skipIf(browser.isMissing)('markup in every field', () => {
  it('shows as text, in every view, by every link', async () => {
    const words = (field: string): string => `${field}${XSS}`;
    const page = await openAll(await startLog({}, atEnd), words);
    const seen = new Set<string>();
    const fields = ['name', 'child', 'service', 'instance', 'call', 'event', 'summary', 'status', 'attribute', 'value'];
    const rest = ['model', 'prompt', 'reason', 'scope', 'logged', 'line', 'second', 'why'];
    for (const view of views(words)) {
      await show(page, view);
      const text = await page.evaluate<string>('document.body.innerText');
      for (const field of [...fields, ...rest]) if (text.includes(`${field}<img src=x`)) seen.add(field);
      const wasRun = await page.evaluate('[globalThis.wasRun, document.querySelectorAll("img, .app script").length]');
      expect(wasRun, view.name).toEqual([undefined, 0]);
      await view.close?.(page);
    }
    expect([...seen].sort()).toEqual([...fields, ...rest].sort());
    await goTo(page, `/monitor/calls/${encodeURIComponent(words('call'))}`);
    await page.reload();
    await page.locator('.chat').waitFor();
    expect(await page.evaluate('[globalThis.wasRun, document.querySelectorAll("img").length]')).toEqual([undefined, 0]);
  });
});
