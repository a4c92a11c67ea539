import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SHORTCUTS } from '../../../src/monitor/views/shortcuts.ts';
import { type Log, startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { afterAllTests, eventually, goTo, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const atEnd = afterAllTests();
let page: Page;
let log: Log;

/** Two spans of a trace, the second one failed, and an event by itself. Newest first: alone, second, first. */
beforeAll(async () => {
  if (browser.isMissing) return;
  log = await startLog({}, atEnd);
  const context = await browser.openContext({ permissions: ['clipboard-read', 'clipboard-write'] }, atEnd);
  page = await openLive(context, log.url);
  const first = { traceId: TRACE, spanId: spanId(1), service: 'gateway', name: 'first' };
  const second = { ...first, spanId: spanId(2), parentSpanId: spanId(1), name: 'second' };
  await log.append(
    activity('span.start', 0, first),
    activity('span.start', 5, second),
    activity('span.end', 20, { ...first, status: 'ok', durationMs: 20, attributes: { 'http.route': '/things' } }),
    activity('span.end', 30, { ...second, status: 'error', severity: 'error', durationMs: 25 }),
    activity('event', 40, { name: 'alone', summary: 'It *stands* by itself' }),
  );
  await page.locator('.row', { hasText: 'alone' }).waitFor();
}, 120_000);

beforeEach(async () => {
  if (browser.isMissing) return;
  await page.evaluate('document.activeElement?.blur(); document.querySelector("dialog")?.close()');
  await goTo(page, '/monitor/live');
  await untilNames('alone', 'second', 'first');
});

function untilNames(...names: string[]): Promise<void> {
  return eventually(
    async () => (await namesOf(page)).join() === names.join(),
    async () => `rows ${names.join()}, has ${(await namesOf(page)).join()}`,
  );
}

function press(...keys: readonly string[]): Promise<void> {
  return keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
}

async function untilOpen(name: string): Promise<void> {
  await page.locator('.drawer h2', { hasText: name }).waitFor();
}

async function untilClosed(selector: string): Promise<void> {
  await page.locator(selector).waitFor({ state: 'detached' });
}

async function untilClipboard(check: (text: string) => boolean): Promise<void> {
  const read = () => page.evaluate<string>('navigator.clipboard.readText()');
  await eventually(
    async () => check(await read()),
    async () => `clipboard has ${await read()}`,
  );
}

/** Wherever the focus was: the first key only begins at the top where nothing had it. */
const TO_TOP = ['k', 'k', 'k'] as const;

/** Every line of the sheet, and what its keys do. */
const DONE_BY: Readonly<Record<string, () => Promise<void>>> = {
  async '/'() {
    await press('/');
    await page.keyboard.type('first');
    expect(await page.locator('#filter').inputValue()).toBe('first');
    await page.locator('#filter').fill('');
  },
  async 'j k ↓ ↑'() {
    await press(...TO_TOP);
    const at = async () => (await page.locator('.is-focused .name').textContent()) ?? '';
    for (const [key, name] of [
      ['k', 'alone'],
      ['j', 'second'],
      ['ArrowDown', 'first'],
      ['k', 'second'],
      ['ArrowUp', 'alone'],
    ]) {
      await press(key ?? '');
      await eventually(async () => (await at()).startsWith(name ?? ''), `${key} goes to ${name}`);
    }
  },
  async Enter() {
    await press(...TO_TOP, 'Enter');
    await untilOpen('alone');
    // Moving on takes the details along.
    await press('j');
    await untilOpen('second');
  },
  async Esc() {
    await press(...TO_TOP, 'Enter');
    await untilOpen('alone');
    await press('Escape');
    await untilClosed('.drawer');
  },
  async Space() {
    await press('Space');
    await page.locator('.badge-paused').waitFor();
    await press('Space');
    await page.locator('.badge-live').waitFor();
  },
  async G() {
    await press('Space');
    await page.locator('.badge-paused').waitFor();
    await press('Shift+G');
    await page.locator('.badge-live').waitFor();
  },
  async 'g l, g t, g c, g s, g h'() {
    for (const [key, view] of [
      ['t', 'traces'],
      ['c', 'calls'],
      ['s', 'services'],
      ['h', 'health'],
      ['l', 'live'],
    ]) {
      await press('g', key ?? '');
      await page.waitForURL(`**/monitor/${view}`);
      const shown = page.locator('.views [aria-current="page"]');
      await eventually(async () => (await shown.textContent())?.toLowerCase() === view, `${view} is shown`);
    }
  },
  async e() {
    await press('e');
    await untilNames('second');
    await press('e');
    await untilNames('alone', 'second', 'first');
  },
  async r() {
    await press('r');
    await page.getByText('Nothing runs now.').waitFor();
    await press('r');
    await untilNames('alone', 'second', 'first');
  },
  async '[ ]'() {
    await goTo(page, `/monitor/live?row=${TRACE}/${spanId(1)}`);
    await untilOpen('first');
    await press(']');
    await untilOpen('second');
    await press('[');
    await untilOpen('first');
  },
  async c() {
    await press(...TO_TOP, 'Enter');
    await untilOpen('alone');
    await press('c');
    await untilClipboard((text) => text.startsWith('{') && JSON.parse(text).name === 'alone');
  },
  async y() {
    await goTo(page, '/monitor/live?order=duration');
    await press('y');
    await untilClipboard((text) => text === `${log.url}/monitor/live?order=duration`);
  },
  async t() {
    await press('t');
    await page.getByRole('button', { name: '1 min ago', exact: true }).waitFor();
    await press('Escape');
    await page.getByRole('button', { name: '1 min ago', exact: true }).waitFor({ state: 'detached' });
  },
  async '← → Shift+→ Enter'() {
    await page.locator('.latency > summary').click();
    await page.getByRole('listbox', { name: 'Durations' }).focus();
    await press('Home', 'ArrowRight', 'ArrowRight', 'ArrowLeft', 'Shift+ArrowRight', 'Enter');
    await page.waitForURL((url) => url.searchParams.get('filter') === 'duration:>=1ms duration:<5ms');
    await press('Escape');
    await untilClosed('.histogram');
  },
  async '?'() {
    await press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    const listed = await page.locator('.help kbd').allInnerTexts();
    expect(listed).toEqual(Object.keys(DONE_BY));
    await press('Escape');
    await untilClosed('.help');
  },
};

describe.skipIf(browser.isMissing)('by keyboard', () => {
  it.each(SHORTCUTS.map(([keys, words]) => ({ keys, words })))('$keys: $words', async ({ keys }) => {
    const check = DONE_BY[keys];
    if (check === undefined) throw new Error(`nobody has tested what ${keys} does`);
    await check();
  });

  it('keys are letters while something is typed', async () => {
    await press('/');
    await page.keyboard.type('jet grey');
    expect(await page.locator('#filter').inputValue()).toBe('jet grey');
    expect(new URL(page.url()).pathname).toBe('/monitor/live');
    await page.locator('#filter').fill('');
  });

  it('everything is reached by Tab, sees its focus, and the first stop skips to the rows', async () => {
    await page.reload();
    await page.locator('.row', { hasText: 'first' }).waitFor();
    await page.getByLabel('Order').waitFor();
    const seen: string[] = [];
    for (let stop = 0; stop < 40; stop += 1) {
      await press('Tab');
      const at = await page.evaluate<[string, boolean]>(`(() => {
        const at = document.activeElement;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
        const isSeen = (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
        return [(at.getAttribute('aria-label') ?? at.textContent ?? '').trim(), isSeen || at.id === 'filter'];
      })()`);
      expect(at[1], `focus is seen on ${at[0]}`).toBe(true);
      seen.push(at[0]);
      if (at[0] === 'Keyboard shortcuts') break;
    }
    expect(seen[0]).toBe('To the activity');
    for (const name of ['Live', 'Health', 'Filter', 'errors', 'saved', 'pause', 'replay', 'Order', 'export', 'import'])
      expect(seen, name).toContain(name);
    expect(seen.filter((name) => /alone|second|first/.test(name))).toHaveLength(3);
    expect(seen.at(-1)).toBe('Keyboard shortcuts');
  });
});
