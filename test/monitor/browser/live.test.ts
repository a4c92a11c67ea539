import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ServerOptions } from '../../../src/server/index.ts';
import { startExample } from '../../examples/support/example.ts';
import { startRedis, uniqueFeed } from '../../support/redis.ts';
import { startLog } from '../feed/live.ts';
import { type AtEnd, afterAllTests, countsOf, eventually, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const atEnd = afterAllTests();
const LOGS = ['memory', 'redis'] as const;
type Kind = (typeof LOGS)[number];
/** Their instances were killed before the first test; that they are gone is known some seconds later. */
const bereft = new Map<Kind, Page>();

beforeAll(async () => {
  if (browser.isMissing) return;
  await Promise.all(LOGS.map(async (kind) => bereft.set(kind, await killGateway(kind))));
}, 60_000);

const SILENT_MS = 12_000;

/** An upstream that answers when it is told to. */
async function startHeldUpstream(
  end: AtEnd = onTestFinished,
): Promise<{ url: string; asked(): number; release(): void }> {
  const held: ServerResponse[] = [];
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    held.push(response);
    asked += 1;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  end(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    release: () => {
      for (const response of held.splice(0)) response.setHeader('content-type', 'application/json').end('{"data":[]}');
    },
  };
}

/** A server over such a log; what applications publish to: the server, or Redis itself. */
async function startLogOf(kind: Kind, end: AtEnd, options: ServerOptions = {}) {
  if (kind === 'memory') {
    const log = await startLog(options, end);
    return { log, publishTo: { LIVESPAN_URL: log.url } };
  }
  const redis = await startRedis();
  end(() => redis.stop());
  const feed = uniqueFeed();
  const log = await startLog({ ...options, url: redis.url, feed }, end);
  return { log, publishTo: { LIVESPAN_URL: redis.url, LIVESPAN_FEED: feed } };
}

async function startGateway(publishTo: Record<string, string>, upstreamUrl: string, end: AtEnd = onTestFinished) {
  const gateway = await startExample('gateway/server.js', {
    UPSTREAM_URL: upstreamUrl,
    ...publishTo,
    OTEL_SERVICE_NAME: 'gateway',
    OTEL_TRACES_EXPORTER: 'none',
  });
  end(async () => {
    await gateway.stop();
  });
  return gateway;
}

/** A page that shows a running request whose gateway is no more. */
async function killGateway(kind: Kind): Promise<Page> {
  // Longer than the time between two signs of life, so that only an instance that is gone is lost.
  const { log, publishTo } = await startLogOf(kind, atEnd, { instanceSilentMs: SILENT_MS });
  const upstream = await startHeldUpstream(atEnd);
  const gateway = await startGateway(publishTo, upstream.url, atEnd);
  const page = await openLive(await browser.openContext({}, atEnd), log.url);
  fetch(`${gateway.url}/v1/models`, { headers: { 'x-request-id': 'doomed' } }).catch(() => {
    // Its server is killed on purpose.
  });
  await page.locator('.row-running', { hasText: 'doomed' }).first().waitFor();
  process.kill(gateway.pid, 'SIGKILL');
  return page;
}

describe.skipIf(browser.isMissing)('the live view in a browser', () => {
  it.each(LOGS)(
    'shows a request while its upstream is held, counts its time, and ends it in place (%s log)',
    async (kind) => {
      const { log, publishTo } = await startLogOf(kind, onTestFinished);
      const upstream = await startHeldUpstream();
      const gateway = await startGateway(publishTo, upstream.url);
      const page = await openLive(await browser.openContext(), log.url);
      const answer = fetch(`${gateway.url}/v1/models`, { headers: { 'x-request-id': 'held-1' } });
      const running = page.locator('.row-running', { hasText: 'held-1' });
      await eventually(async () => (await running.count()) === 2, 'two running rows: the request and what it asks');
      expect(upstream.asked()).toBe(1);
      const keys = await running.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-key') ?? ''));
      const clock = running.first().locator('.took');
      const before = await clock.textContent();
      await eventually(async () => (await clock.textContent()) !== before, 'the clock of a running row moves on');

      upstream.release();
      expect((await answer).status).toBe(200);
      const ended = page.locator('.row-ok', { hasText: 'held-1' });
      await eventually(async () => (await ended.count()) === 2, 'both rows are ended');
      expect(await running.count()).toBe(0);
      expect((await ended.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-key') ?? ''))).sort()).toEqual(
        keys.sort(),
      );
      // Colour says "running" on no row that has ended.
      const colours = await page.evaluate(
        `[...document.querySelectorAll('.row-ok .took')].map((cell) => getComputedStyle(cell).color === getComputedStyle(document.body).color)`,
      );
      expect(colours).toEqual([true, true]);
    },
  );

  it('stands still when paused, counts what comes, and shows all of it afterwards', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 3);
    await page.locator('.row', { hasText: 'e2' }).waitFor();
    await page.keyboard.press('Space');
    await log.appendNumbered(3, 7);
    await page.getByText('Paused. 7 new.').waitFor();
    expect(await namesOf(page)).toEqual(['e2', 'e1', 'e0']);
    await page.keyboard.press('Space');
    await page.locator('.row', { hasText: 'e9' }).waitFor();
    expect(await namesOf(page)).toEqual(['e9', 'e8', 'e7', 'e6', 'e5', 'e4', 'e3', 'e2', 'e1', 'e0']);
  });

  it('pauses by scrolling away, says how many are new, and goes back to live with G', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 100);
    await page.locator('.row', { hasText: 'e99' }).waitFor();
    await page.evaluate(`document.querySelector('.scroller').scrollTo({ top: 600 })`);
    await page.getByText('Paused. 0 new.').waitFor();
    const before = await namesOf(page);
    await log.appendNumbered(100, 5);
    await page.getByText('5 new · G to follow').waitFor();
    expect(await namesOf(page)).toEqual(before);
    await page.keyboard.press('Shift+G');
    await page.locator('.row', { hasText: 'e104' }).waitFor();
    expect((await countsOf(page)).rows).toBe(105);
  });

  it.each(['memory', 'redis'])(
    'reconnects to a restarted server, exact to the row (%s log)',
    async (kind) => {
      const redis = kind === 'redis' ? await startRedis() : undefined;
      const log = await startLog(redis === undefined ? {} : { url: redis.url });
      onTestFinished(() => redis?.stop());
      const page = await openLive(await browser.openContext(), log.url);
      let count = 0;
      for (let turn = 0; turn < 2; turn += 1) {
        await log.appendNumbered(count, 10);
        count += 10;
        await eventually(
          async () => (await countsOf(page)).totals.activities === count,
          async () => `${count} activities, has ${(await countsOf(page)).totals.activities}`,
        );
        await log.stop();
        await page.locator('.badge-reconnecting').waitFor();
        await log.appendNumbered(count, 10);
        count += 10;
        await log.restart();
        await page.locator('.badge-live').waitFor();
        await eventually(
          async () => (await countsOf(page)).totals.activities === count,
          async () => `${count} activities after a restart, has ${(await countsOf(page)).totals.activities}`,
        );
      }
      await page.locator('.status-words', { hasText: /^Reconnected after .*, nothing lost\.$/ }).waitFor();
      const { rows, loss } = await countsOf(page);
      expect({ rows, missed: loss.missed, resets: loss.resets }).toEqual({ rows: count, missed: 0, resets: 0 });
    },
    60_000,
  );

  it.each(LOGS)(
    'marks what a killed instance has left running (%s log)',
    async (kind) => {
      const page = bereft.get(kind);
      if (page === undefined) throw new Error('there is no page');
      await page.locator('.row-lost', { hasText: 'doomed' }).first().waitFor({ timeout: 60_000 });
      expect(await page.locator('.row-lost .state', { hasText: 'lost' }).count()).toBeGreaterThan(0);
      expect(await page.locator('.row-running').count()).toBe(0);
      const silence = page.locator('.row-lost .silence').first();
      const secondsOf = async (): Promise<number> =>
        Number(/^silent for (\d+) s$/.exec((await silence.textContent()) ?? '')?.[1]);
      const before = await secondsOf();
      // Not from when that was found.
      expect(before).toBeGreaterThanOrEqual(SILENT_MS / 1_000);
      await eventually(async () => (await secondsOf()) > before, 'the silence grows');
      await page.locator('.views').getByRole('button', { name: 'Services' }).click();
      await page.locator('.instance-lost', { hasText: '(lost)' }).waitFor();
    },
    90_000,
  );
});
