import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type CliProcess, endAll, ingest, startCli, startServe } from '../../cli/cli-process.ts';
import { startRedis, uniqueFeed } from '../../support/redis.ts';
import { countsOf, eventually, exportOf, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
afterEach(endAll);

const namesFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `e${first + index}`);

async function kill({ child, ended }: CliProcess): Promise<void> {
  child.kill('SIGKILL');
  expect(await ended).toMatchObject({ code: null, signal: 'SIGKILL' });
}

/** The same server again, in a process of its own on the same port. */
async function startAgain(url: string, env: NodeJS.ProcessEnv): Promise<CliProcess> {
  const cli = startCli(['serve', '--port', new URL(url).port, '--no-otlp'], env);
  await cli.says(/listening on http/);
  return cli;
}

async function untilCounted(page: Page, count: number): Promise<void> {
  await eventually(
    async () => (await countsOf(page)).totals.activities === count,
    async () => `${count} activities, has ${(await countsOf(page)).totals.activities}`,
  );
}

describe.skipIf(browser.isMissing)('a page whose server is killed', () => {
  it('says that the log was recreated when that was in the server, keeps its rows and shows the new ones', async () => {
    const env = { LIVESPAN_URL: 'memory:' };
    const { cli, url } = await startServe([], env);
    await ingest(url, namesFrom(0, 3));
    const page = await openLive(await browser.openContext(), url);
    await untilCounted(page, 3);
    await kill(cli);
    await page.locator('.badge-reconnecting').waitFor();
    expect(await namesOf(page)).toEqual(['e2', 'e1', 'e0']);
    await startAgain(url, env);
    await ingest(url, namesFrom(3, 2));
    await page
      .locator('.row-reset', { hasText: /The log was recreated at \d\d:\d\d\. Earlier rows are from the old log/ })
      .waitFor();
    await untilCounted(page, 5);
    expect((await namesOf(page)).filter((name) => /^e\d+$/.test(name))).toEqual(['e4', 'e3', 'e2', 'e1', 'e0']);
    expect((await countsOf(page)).loss).toMatchObject({ resets: 1 });
    await page.locator('.badge-live').waitFor();
  });

  it('has exactly the rows of the log when that is in Redis, also those of the time without a server', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const env = { LIVESPAN_URL: redis.url, LIVESPAN_FEED: uniqueFeed() };
    const [{ cli, url }, other] = await Promise.all([startServe([], env), startServe([], env)]);
    await ingest(url, namesFrom(0, 5));
    const page = await openLive(await browser.openContext(), url);
    await untilCounted(page, 5);
    // Some are under way when it is killed.
    const underWay = ingest(other.url, namesFrom(5, 20));
    await kill(cli);
    await underWay;
    await page.locator('.badge-reconnecting').waitFor();
    await ingest(other.url, namesFrom(25, 20));
    await startAgain(url, env);
    await page.locator('.badge-live').waitFor();
    await ingest(url, namesFrom(45, 5));
    await untilCounted(page, 50);
    expect((await exportOf(page)).activities.map(({ name }) => name)).toEqual(namesFrom(0, 50));
    expect(await countsOf(page)).toMatchObject({ rows: 50, loss: { missed: 0, resets: 0 } });
    await page.locator('.status-words', { hasText: /^Reconnected after .*, nothing lost\.$/ }).waitFor();
  });
});
