import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY } from '../../server/http.ts';
import { startLog } from '../feed/live.ts';
import { eventually, type SharedBrowser, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const ASSETS = join(import.meta.dirname, '../../../dist/monitor/assets');
const BYTES_MAX = 40_000;
/** What is loaded once the first rows are there, or with the first key: nothing that is seen or pressed waits for it. */
const SOON_AFTER = /^(keyboard|selection|copy|copy-texts|server-watch)-/;

/** A page that waits with what it does once it is idle until it is told to. */
async function openHeld(url: string, shared: SharedBrowser): Promise<{ page: Page; loaded(): Promise<string[]> }> {
  const context = await shared.openContext();
  await context.addInitScript(`
    const { setTimeout } = globalThis;
    const held = [];
    globalThis.setTimeout = (run, ms, ...more) => (ms === 1000 ? held.push(run) : setTimeout(run, ms, ...more));
    globalThis.becomeIdle = () => held.splice(0).forEach((run) => run());`);
  const page = await context.newPage();
  const answer = await page.goto(`${url}/monitor/live`);
  expect(answer?.headers()).toMatchObject({
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'content-type': 'text/html; charset=utf-8',
  });
  await page.locator('.badge-live').waitFor();
  const names = `performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)`;
  return {
    page,
    async loaded() {
      const paths = await page.evaluate<string[]>(names);
      return paths.filter((path) => path.includes('/assets/')).map((path) => path.slice(path.lastIndexOf('/') + 1));
    },
  };
}

function bytesOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + statSync(join(ASSETS, `${name}.gz`)).size, 0);
}

describe.skipIf(browser.isMissing)('the first load in a browser', () => {
  it('is at most 40 kB, of everything that the page asks for by itself', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 3);
    const { page, loaded } = await openHeld(log.url, browser);
    await page.locator('.row', { hasText: 'e2' }).waitFor();
    await eventually(async () => (await loaded()).some((name) => /^keyboard-.*\.js$/.test(name)), 'the keys');
    const first = (await loaded()).filter((name) => !SOON_AFTER.test(name));
    // A worker's script is not among the resources of its page.
    const worker = readdirSync(ASSETS).filter((name) => /^worker-hub-.*\.js$/.test(name));
    expect(worker).toHaveLength(1);
    expect(first.some((name) => /^page-.*\.js$/.test(name))).toBe(true);
    expect(first.some((name) => /^page-.*\.css$/.test(name))).toBe(true);
    expect(bytesOf([...first, ...worker]), first.join()).toBeLessThanOrEqual(BYTES_MAX);
  });

  it('has no chart, and neither has what follows: that comes when it is opened', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 1);
    const { page, loaded } = await openHeld(log.url, browser);
    const has = async (name: string): Promise<boolean> => (await loaded()).some((one) => one.startsWith(`${name}-`));
    await page.locator('.row').waitFor();
    await page.evaluate('becomeIdle()');
    const last = ['announcer', 'drawer', 'help-sheet', 'list-views', 'log-facts', 'table-views', 'travel-panel'];
    for (const name of last) await eventually(() => has(name), `${name} is loaded when the page is idle`);
    expect(await has('histogram')).toBe(false);
    await page.locator('.latency > summary').click();
    await page.locator('.histogram canvas').waitFor();
    expect(await has('histogram')).toBe(true);
  });
});
