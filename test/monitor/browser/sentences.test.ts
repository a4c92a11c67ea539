import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../support/redis.ts';
import { startLog } from '../feed/live.ts';
import { startGate } from './gate.ts';
import { countsOf, eventually, goTo, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const TOKEN = 'a-token-for-the-test';

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function says(page: Page, ...sentences: (string | RegExp)[]): Promise<void> {
  for (const sentence of sentences) await page.getByText(sentence).first().waitFor();
}

/** The page loads the rest of its parts when it has nothing else to do; from then on it can do without the server. */
async function untilAllIsLoaded(page: Page): Promise<void> {
  const parts = `performance.getEntriesByType('resource').map(({ name }) => name).join()`;
  await eventually(async () => /table-views-.*js/.test(await page.evaluate(parts)), 'all parts');
}

/** What a page asks for before it is drawn. */
const FIRST = /^\/monitor\/(live|calls|assets\/page-[\w-]+\.(js|css))$/;

describe.skipIf(browser.isMissing)('in words, the page', () => {
  it('denied: asks to sign in where there are no rows, and comes back from there', async () => {
    const log = await startLog({ token: TOKEN });
    const page = await (await browser.openContext()).newPage();
    await page.goto(`${log.url}/monitor/live`);
    await signIn(page, 'wrong');
    await page.getByRole('alert').waitFor();
    await signIn(page, TOKEN);
    await says(page, 'No activity yet. Run this:');
    await untilAllIsLoaded(page);
    // Sessions end with the server.
    await log.restart();
    await page.locator('.badge-denied').waitFor();
    await says(page, 'This server asks you to sign in.', 'with the token that the server was started with');
    await page.locator('.empty').getByRole('button', { name: 'Sign in' }).click();
    await signIn(page, TOKEN);
    await page.locator('.badge-live').waitFor();
  });

  it('disconnected: how to start it where there are no rows, and the other views are there all the same', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await says(page, 'No activity yet. Run this:');
    await untilAllIsLoaded(page);
    await log.stop();
    await says(page, 'livespan cannot be reached.', 'npx livespan serve');
    // Also what was never opened before is there.
    await page.locator('.views').getByRole('button', { name: 'Health' }).click();
    await says(page, 'Nothing was lost.', /Not connected since \d\d:\d\d:\d\d; what was seen stays/);
    expect(await page.locator('.status-words').textContent()).toMatch(/^Not connected since \d\d:\d\d:\d\d: /);
    await page.locator('.views').getByRole('button', { name: 'Live' }).click();
    await log.restart();
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.locator('.badge-live').waitFor();
    await says(page, 'No activity yet. Run this:');
  });

  it('gone: from its first moment on, also where nothing but the first load was loaded, and comes to life by itself', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 1);
    const gate = await startGate(log.url, (path) => (FIRST.test(path) ? 'pass' : 'cut'));
    const context = await browser.openContext();
    const page = await context.newPage();
    await page.goto(`${gate.url}/monitor/live`);
    await says(page, 'livespan cannot be reached.', 'npx livespan serve');
    expect(await page.locator('.status-words').textContent()).toMatch(/^Not connected since \d\d:\d\d:\d\d: /);
    const other = await context.newPage();
    await other.goto(`${gate.url}/monitor/calls`);
    await says(other, /Not connected since \d\d:\d\d:\d\d; what was seen stays/, /^This part of the page could not be/);
    gate.judge = () => 'pass';
    await page.getByRole('button', { name: 'Try now' }).click();
    for (const each of [page, other]) await each.locator('.badge-live').waitFor();
    await page.locator('.row', { hasText: 'e0' }).waitFor();
    await says(other, 'No activity yet. Run this:');
    expect(await other.getByText('could not be loaded').count()).toBe(0);
    await page.keyboard.press('Space');
    await says(page, 'Paused. 0 new.');
  });

  it('refused: what the server has against the filter, beside the rows and where there are none', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 1);
    const gate = await startGate(log.url);
    const detail = 'Column 1: this server does not know this field';
    const page = await openLive(await browser.openContext(), gate.url);
    await page.locator('.row', { hasText: 'e0' }).waitFor();
    // A server of another version reads another language.
    gate.judge = (path) =>
      path.includes('filter=') ? { status: 400, problem: { code: 'invalid_filter', detail, column: 1 } } : 'pass';
    await goTo(page, '/monitor/live?filter=sampled:true');
    await page.locator('.badge-refused').waitFor();
    await says(page, 'The server does not take this filter.', detail);
    await goTo(page, '/monitor/health?filter=sampled:true');
    await page.locator('.banner', { hasText: detail }).waitFor();
    await page.locator('.banner').getByRole('button', { name: 'clear the filter' }).click();
    await page.locator('.badge-live').waitFor();
    await goTo(page, '/monitor/live');
    await page.locator('.row', { hasText: 'e0' }).waitFor();
  });

  it('recreated: in the list, whose rows stay, and in the health view', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const log = await startLog({ url: redis.url });
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 2);
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    await redis.cli('FLUSHALL');
    await log.appendNumbered(2, 2);
    await page.locator('.row', { hasText: 'e3' }).waitFor();
    await says(page, /^The log was recreated at \d\d:\d\d\. Earlier rows are from the old log: export keeps them\.$/);
    expect((await namesOf(page)).filter((name) => /^e\d$/.test(name))).toEqual(['e3', 'e2', 'e1', 'e0']);
    expect((await countsOf(page)).loss).toMatchObject({ resets: 1 });
    await goTo(page, '/monitor/health');
    await says(
      page,
      /1 reset\b/,
      'The log was recreated. Rows from before are from the old log: export them to keep them.',
    );
  });

  it('trimmed: how many were missed stands in the list, below it and in the health view', async () => {
    const log = await startLog({ logCountMax: 1_000 });
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 1);
    await page.locator('.row', { hasText: 'e0' }).waitFor();
    await log.stop();
    await log.appendNumbered(1, 4_000);
    await log.restart();
    await page.getByRole('button', { name: 'try now' }).click();
    await eventually(async () => (await countsOf(page)).loss.missed > 0, 'the loss is told');
    const { missed } = (await countsOf(page)).loss;
    const words = missed.toLocaleString('en');
    await eventually(async () => (await countsOf(page)).totals.activities === 4_001 - missed, 'all that is left');
    await page.locator('.status .is-warn', { hasText: `${words} lost` }).waitFor();
    await says(page, `${words} activities were trimmed before we came back.`);
    await goTo(page, '/monitor/health');
    await says(
      page,
      `${words} log entries missed by this page`,
      `${words} activities were trimmed before they were read.`,
    );
  });

  it('empty: what the filter hides, in every view, and that a link is too old', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 1);
    await page.locator('.row').waitFor();
    for (const view of ['live', 'traces', 'calls', 'services']) {
      await goTo(page, `/monitor/${view}?filter=name:nothing`);
      await says(page, 'Nothing matches yet.', 'What comes will show here as soon as it matches');
    }
    await page.locator('.empty').getByRole('button', { name: 'Clear the filter' }).click();
    await eventually(async () => new URL(page.url()).search === '', 'no filter is left');
    await goTo(page, '/monitor/live?row=1-1');
    await says(
      page,
      /^This row is not in the log, which goes back to .* It was trimmed, or the link is of another log/,
    );
    expect(await namesOf(page)).toEqual(['e0']);
  });
});
