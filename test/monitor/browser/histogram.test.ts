import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { formatTimeUs } from '../../../src/activity/time.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { eventually, isSideways, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const CLASSES = 16;
let spans = 0;

/** A span that has ended now and took so long. */
function took(durationMs: number, name = `${durationMs} ms`): Activity {
  spans += 1;
  const time = formatTimeUs(Date.now() * 1_000);
  const ids = { traceId: TRACE, spanId: spanId(spans), service: 'gateway', name };
  return activity('span.end', 0, { ...ids, time, status: 'ok', durationMs });
}

async function openHistogram(page: Page): Promise<void> {
  await page.locator('.latency > summary', { hasText: 'p95' }).click();
  await page.locator('.histogram canvas').waitFor();
}

function bar(page: Page, name: string) {
  return page.getByRole('option', { name });
}

/** `r,g,b,a` in a class, so high above its foot: 0 to 1. Beside its middle, where a mark may be. */
function pixelIn(page: Page, index: number, height = 0.2): Promise<string> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('.histogram canvas');
    const box = canvas.getBoundingClientRect();
    const bar = document.querySelectorAll('.histogram [role=option]')[${index}].getBoundingClientRect();
    const ratio = canvas.width / box.width;
    const x = (bar.left + bar.width / 4 - box.left) * ratio;
    const y = (bar.bottom - bar.height * ${height} - box.top) * ratio;
    return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data].join();
  })()`);
}

/** A colour of the page as a pixel has it. */
function pixelOf(page: Page, property: string): Promise<string> {
  return page.evaluate(`(() => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue('${property}').trim();
    return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join() + ',255';
  })()`);
}

async function untilPixel(page: Page, index: number, wanted: string): Promise<void> {
  await eventually(
    async () => (await pixelIn(page, index)) === wanted,
    async () => `${wanted} in class ${index}, has ${await pixelIn(page, index)}`,
  );
}

/** Names of the classes that are shown as chosen. */
function chosenIn(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('.histogram [role=option]')]
    .filter((one) => one.ariaSelected === 'true').map((one) => one.ariaLabel.replace(/^.*?, /, ''))`);
}

async function untilFilter(page: Page, wanted: string): Promise<void> {
  const filter = (): string => new URL(page.url()).searchParams.get('filter') ?? '';
  await eventually(
    async () => filter() === wanted,
    async () => `filter ${wanted}, has ${filter()}`,
  );
}

/** Counts how often a canvas is drawn anew, and what the policy of the page forbids. */
async function watch(context: BrowserContext): Promise<void> {
  await context.addInitScript(`
    globalThis.drawings = 0;
    globalThis.forbidden = [];
    const { clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      globalThis.drawings += 1;
      return clearRect.apply(this, box);
    };
    document.addEventListener('securitypolicyviolation', ({ violatedDirective }) => forbidden.push(violatedDirective));`);
}

describe.skipIf(browser.isMissing)('the histogram', () => {
  it('draws durations as they come, sharp, in the colours of the page, and nothing twice', async () => {
    const log = await startLog();
    const context = await browser.openContext({ colorScheme: 'light', deviceScaleFactor: 2 });
    await watch(context);
    const page = await openLive(context, log.url);
    await openHistogram(page);
    await page.getByText('No span has ended.').waitFor();
    await log.append(took(30), took(50), took(70_000));
    await bar(page, '1 span, 60 s and more').waitFor();
    await page.getByText(/3 spans · p50 75 ms · p95 1 m 0[89] s/).waitFor();
    const colour = await pixelOf(page, '--ok');
    for (const index of [5, 6, CLASSES - 1]) await untilPixel(page, index, colour);
    for (const index of [0, 4, 7]) expect(await pixelIn(page, index), `class ${index}`).toBe('0,0,0,0');
    const size = await page.evaluate(`(() => {
      const canvas = document.querySelector('.histogram canvas');
      return canvas.width / canvas.getBoundingClientRect().width;
    })()`);
    expect(size).toBe(2);

    await log.append(took(30));
    await bar(page, '2 spans, 20 to 50 ms').waitFor();
    await eventually(async () => (await pixelIn(page, 6, 0.7)) === '0,0,0,0', 'the others are half as high');

    const drawings = await page.evaluate('drawings');
    // Figures that move on with the time, and a row that is no span, leave these as they are.
    const minute = () => page.locator('.sparkline-all').getAttribute('d');
    const before = await minute();
    await log.append(activity('event', 0, { name: 'told', time: formatTimeUs(Date.now() * 1_000) }));
    await page.locator('.row', { hasText: 'told' }).waitFor();
    await eventually(async () => (await minute()) !== before, 'the figures have moved on');
    expect(await page.evaluate('drawings')).toBe(drawings);
    await page.keyboard.press('Escape');
    await page.locator('.histogram').waitFor({ state: 'detached' });
    await log.append(took(3));
    await page.locator('.row', { hasText: '3 ms' }).first().waitFor();
    expect(await page.evaluate('[drawings, forbidden]')).toEqual([drawings, []]);
  });

  it('filters to what is dragged over or pressed, shows what is chosen, and lets go of it', async () => {
    const log = await startLog();
    await log.append(took(3, 'short'), took(30, 'middle'), took(300, 'long'));
    const page = await openLive(await browser.openContext(), log.url);
    await openHistogram(page);
    await bar(page, '1 span, 20 to 50 ms').click();
    await untilFilter(page, 'duration:>=20ms duration:<50ms');
    await eventually(async () => (await namesOf(page)).join() === 'middle', 'only this one');
    expect(await chosenIn(page)).toEqual(['20 to 50 ms']);
    await untilPixel(page, 5, await pixelOf(page, '--run'));

    // Backwards, and beyond the edge of the chart.
    await bar(page, '20 to 50 ms').hover();
    await page.mouse.down();
    await bar(page, '2 to 5 ms').hover();
    await page.getByText(/spans?, 2 to 50 ms/).waitFor();
    expect((await chosenIn(page)).length).toBe(4);
    await untilFilter(page, 'duration:>=20ms duration:<50ms');
    await page.mouse.up();
    await untilFilter(page, 'duration:>=2ms duration:<50ms');
    await eventually(async () => (await namesOf(page)).sort().join() === 'middle,short', 'two of them');
    await bar(page, '100 to 200 ms').hover();
    await page.mouse.down();
    await page.mouse.move(1_279, 600, { steps: 3 });
    await page.mouse.up();
    await untilFilter(page, 'duration:>=100ms');
    expect((await chosenIn(page)).at(-1)).toBe('60 s and more');
    await page.getByRole('button', { name: 'any duration' }).click();
    await untilFilter(page, '');
    expect(await chosenIn(page)).toEqual([]);
    await eventually(async () => (await namesOf(page)).length === 3, 'all of them');
  });

  it('is complete by keyboard, and says where it is', async () => {
    const log = await startLog();
    await log.append(took(3, 'short'), took(30, 'middle'), took(300, 'long'));
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'short' }).waitFor();
    await page.locator('.latency > summary').focus();
    await page.keyboard.press('Enter');
    await page.locator('.histogram canvas').waitFor();
    const list = page.getByRole('listbox', { name: 'Durations' });
    const active = (): Promise<string> =>
      page.evaluate(`document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.ariaLabel`);
    await bar(page, '1 span, 2 to 5 ms').waitFor();
    await page.keyboard.press('Tab');
    // Where there is something.
    expect(await active()).toBe('1 span, 2 to 5 ms');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    expect(await active()).toBe('0 spans, under 1 ms');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Shift+ArrowRight');
    expect(await active()).toBe('0 spans, 5 to 10 ms');
    expect(await chosenIn(page)).toEqual(['2 to 5 ms', '5 to 10 ms']);
    await page.getByRole('status').filter({ hasText: '1 span, 2 to 10 ms' }).waitFor();
    await untilFilter(page, '');
    await page.keyboard.press('Enter');
    await untilFilter(page, 'duration:>=2ms duration:<10ms');
    await page.getByRole('status').filter({ hasText: 'Only spans of 2 to 10 ms are shown.' }).waitFor();
    await page.locator('.histogram-range', { hasText: '1 span, 2 to 10 ms' }).waitFor();
    await eventually(async () => (await namesOf(page)).join() === 'short', 'only this one');
    await page.keyboard.press('End');
    await page.keyboard.press('Space');
    await untilFilter(page, 'duration:>=60000ms');
    // None of these keys did what they do elsewhere on the page.
    expect(await page.locator('.badge-paused, .drawer').count()).toBe(0);
    expect(await list.evaluate((it) => it === it.ownerDocument.activeElement)).toBe(true);
    await page.keyboard.press('Escape');
    await page.locator('.histogram').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY');
  });

  it('shows what a link or a typed filter chooses, and is there at 360 px, for a finger', async () => {
    const log = await startLog();
    await log.append(took(3), took(30), took(300));
    const context = await browser.openContext({ viewport: { width: 360, height: 740 }, hasTouch: true });
    const page = await openLive(context, log.url, '/monitor/live?filter=duration:%3E30ms+duration:%3C200ms');
    await openHistogram(page);
    expect(await chosenIn(page)).toEqual(['20 to 50 ms', '50 to 100 ms', '100 to 200 ms']);
    const { x = -1, width = 0 } = (await page.locator('.histogram').boundingBox()) ?? {};
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x + width).toBeLessThanOrEqual(360);
    expect(await isSideways(page)).toBe(false);
    await bar(page, '200 to 500 ms').tap();
    await untilFilter(page, 'duration:>=200ms duration:<500ms');
    expect(await chosenIn(page)).toEqual(['200 to 500 ms']);
    await page.goBack();
    await eventually(async () => (await chosenIn(page)).length === 3, 'the range of the link again');
  });

  it('is drawn anew in the colours of another theme, and of forced ones', async () => {
    const log = await startLog();
    await log.append(took(30));
    const page = await openLive(await browser.openContext({ colorScheme: 'light' }), log.url);
    await openHistogram(page);
    const light = await pixelOf(page, '--ok');
    await untilPixel(page, 5, light);
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await pixelOf(page, '--ok');
    expect(dark).not.toBe(light);
    await untilPixel(page, 5, dark);
    // The button is pressed by a script: a real press closes the menu.
    await page.evaluate('document.querySelector("button.theme").click()');
    await untilPixel(page, 5, light);
    await page.emulateMedia({ forcedColors: 'active' });
    const text = await page.evaluate<string>('getComputedStyle(document.body).color.match(/\\d+/g).join()');
    expect(['0,0,0', '255,255,255']).toContain(text);
    await untilPixel(page, 5, `${text},255`);
    // What is chosen is the other way around.
    await bar(page, '20 to 50 ms').click();
    await eventually(async () => (await chosenIn(page)).length === 1, 'one is chosen');
    const [ground, wanted] = await page.evaluate<string[]>(`(() => {
      const probe = document.body.appendChild(document.createElement('i'));
      probe.style.forcedColorAdjust = 'none';
      probe.style.background = 'Highlight';
      return [document.querySelector('.histogram [aria-selected=true]'), probe]
        .map((one) => getComputedStyle(one).backgroundColor);
    })()`);
    expect(ground).toBe(wanted);
    await eventually(async () => (await pixelIn(page, 5)) !== `${text},255`, 'its bar has another colour');
  });
});
