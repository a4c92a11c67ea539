import { describe, expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../support/redis.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { startGate } from './gate.ts';
import { countsOf, eventually, isSideways, namesOf, openLive, readersOf, shareBrowser } from './open-page.ts';

const browser = shareBrowser('--host-resolver-rules=MAP livespan.test 127.0.0.1');

const span = { traceId: TRACE, spanId: spanId(1), service: 'gateway', instance: 'vm:1-a', name: 'work' };
/** When, and what to do. */
const RECREATED = /The log was recreated at \d\d:\d\d\. Earlier rows are from the old log: export keeps them\./;
const ended = (status: 'ok' | 'error') => activity('span.end', 40, { ...span, status, durationMs: 35 });

describe.skipIf(browser.isMissing)('the states of the page', () => {
  it('says that it loads as long as it does, and never that it is caught up before', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 3);
    const context = await browser.openContext();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await context.route('**/activity?*', async (route) => {
      await held;
      await route.continue();
    });
    const page = await openLive(context, log.url);
    await page.getByText('Loading the newest activities').waitFor();
    // Words only after 300 ms of empty rows.
    expect(
      await page.evaluate(`(() => {
        const words = document.querySelector('.skeleton p');
        const [animation] = words.getAnimations();
        const sightAt = (ms) => {
          animation.currentTime = ms;
          return getComputedStyle(words).visibility;
        };
        return [sightAt(0), sightAt(299), sightAt(301)];
      })()`),
    ).toEqual(['hidden', 'hidden', 'visible']);
    expect(await page.locator('.status-words').textContent()).toBe('loading');
    await page.getByRole('button', { name: 'Services', exact: true }).click();
    await page.getByText('Loading the newest activities').waitFor();
    release();
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await page.locator('.row', { hasText: 'e2' }).waitFor();
    expect(await page.locator('.status-words').textContent()).toBe('caught up');
    await page.locator('.status', { hasText: 'log 3 of 100,000 · memory' }).waitFor();
  });

  it('says how far behind it is, also in a replay and in a pause, until it has caught up', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 10);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const at = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await log.appendNumbered(10, 2_500);
    let catchUps = 0;
    let isOpen = false;
    const gate = await startGate(log.url, (path) => {
      // Each page of what came meanwhile: the first one comes through.
      if (!/^\/activity\?.*limit=1000.*since=/.test(path)) return 'pass';
      catchUps += 1;
      return catchUps === 1 || isOpen ? 'pass' : 'cut';
    });
    const page = await (await browser.openContext()).newPage();
    await page.goto(`${gate.url}/monitor/live?at=${at}`);
    const words = page.locator('.status-words');
    await words.filter({ hasText: /^Replaying the log\. 2,500 behind$/ }).waitFor();
    await page.locator('.travel').getByRole('button', { name: 'live', exact: true }).click();
    await words.filter({ hasText: /^1,500 behind$/ }).waitFor();
    await page.keyboard.press('Space');
    await words.filter({ hasText: /^Paused\. 0 new\. 1,500 behind$/ }).waitFor();
    isOpen = true;
    await words.filter({ hasText: /^Paused\. 1,500 new\.$/ }).waitFor();
    await page.keyboard.press('G');
    await words.filter({ hasText: /^caught up$/ }).waitFor();
    expect((await countsOf(page)).totals.activities).toBe(2_510);
  });

  it('asks for the token where it is asked for, comes back to the link, and signs out', async () => {
    const log = await startLog({ token: 'a-long-secret' });
    await log.appendNumbered(0, 2);
    const page = await (await browser.openContext()).newPage();
    const address = `${log.url}/monitor/live?filter=name:e1`;
    await page.goto(address);
    await page.getByLabel('Token').fill('a-long-secret');
    await page.keyboard.press('Enter');
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    expect(new URL(page.url()).searchParams.get('filter')).toBe('name:e1');
    await page.getByRole('button', { name: 'Health', exact: true }).click();
    await page.getByRole('button', { name: 'Sign out of this server' }).click();
    await page.getByLabel('Token').waitFor();
  });

  it('says that the session is over, beside the rows that it has', async () => {
    const log = await startLog({ token: 'a-long-secret' });
    await log.appendNumbered(0, 2);
    const page = await (await browser.openContext()).newPage();
    await page.goto(`${log.url}/monitor/live`);
    await page.getByLabel('Token').fill('a-long-secret');
    await page.keyboard.press('Enter');
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    await log.stop();
    await log.restart();
    await page.locator('.badge-denied').waitFor();
    expect(await namesOf(page)).toEqual(['e1', 'e0']);
    await page.locator('.banner').getByRole('button', { name: 'sign in' }).click();
    await page.getByLabel('Token').waitFor();
  });

  it('is denied when another tab signs out, and goes on when that signs in again', async () => {
    const log = await startLog({ token: 'a-long-secret' });
    await log.appendNumbered(0, 2);
    const context = await browser.openContext();
    const other = await context.newPage();
    await other.goto(`${log.url}/monitor/health`);
    const signIn = async (token: string): Promise<void> => {
      await other.getByLabel('Token').fill(token);
      await other.keyboard.press('Enter');
    };
    await signIn('a-long-secret');
    const page = await openLive(context, log.url);
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    await other.getByRole('button', { name: 'Sign out of this server' }).click();
    await page.locator('.badge-denied').waitFor();
    await page.locator('.banner', { hasText: 'This server asks for its token' }).waitFor();
    await log.appendNumbered(2, 1);
    await signIn('a-wrong-one');
    await other.getByText('That is not the token.').waitFor();
    expect(await namesOf(page)).toEqual(['e1', 'e0']);
    await signIn('a-long-secret');
    await other.locator('.badge-live').waitFor();
    await page.locator('.badge-live').waitFor();
    await page.locator('.row', { hasText: 'e2' }).waitFor();
    expect(await namesOf(page)).toEqual(['e2', 'e1', 'e0']);
  });

  it('says that the server is away, keeps the rows, and tries at once when told to', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 2);
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    await log.stop();
    await page.locator('.banner', { hasText: 'Not connected since' }).waitFor();
    expect(await namesOf(page)).toEqual(['e1', 'e0']);
    await log.restart();
    await page
      .getByRole('button', { name: 'try now' })
      .click({ timeout: 2_000 })
      .catch(() => undefined);
    await page.locator('.status-words', { hasText: /^Reconnected after .*, nothing lost\.$/ }).waitFor();
    expect(await page.locator('.banner').count()).toBe(0);
  });

  it('says that there are too many readers, and comes in when one goes', async () => {
    const log = await startLog({ readersMax: 1 });
    const first = await openLive(await browser.openContext(), log.url);
    const second = await (await browser.openContext()).newPage();
    await second.goto(`${log.url}/monitor/live`);
    await second.getByText('The server cannot take another reader now.').waitFor();
    await first.close();
    await eventually(async () => {
      const retry = second.getByRole('button', { name: 'Try now' });
      if ((await retry.count()) > 0) await retry.click({ timeout: 500 }).catch(() => undefined);
      return (await second.locator('.badge-live').count()) === 1;
    }, 'the second is live');
  });

  it('says since when the log cannot be reached, and goes on when it can', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const log = await startLog({ url: redis.url });
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 2);
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    await redis.kill();
    await page.locator('.banner', { hasText: /cannot reach its log \(.*\) since \d\d:\d\d:\d\d; showing/ }).waitFor();
    expect(await namesOf(page)).toEqual(['e1', 'e0']);
    await page.locator('.status', { hasText: 'log not reached · redis' }).waitFor();
    await redis.restart();
    await page.locator('.banner').waitFor({ state: 'detached' });
  });

  it('marks where the log was recreated', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const log = await startLog({ url: redis.url });
    const page = await openLive(await browser.openContext(), log.url);
    await log.appendNumbered(0, 2);
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    await redis.cli('FLUSHALL');
    await log.appendNumbered(2, 2);
    await page.locator('.row-reset', { hasText: RECREATED }).waitFor();
    await page.locator('.row', { hasText: 'e3' }).waitFor();
    expect((await countsOf(page)).loss.resets).toBe(1);
  });
});

describe.skipIf(browser.isMissing)('the page for everyone', () => {
  it('shows services as cards with their titles at 360 px, still a table for screen readers', async () => {
    const log = await startLog();
    const options = { viewport: { width: 360, height: 740 } };
    const page = await openLive(await browser.openContext(options), log.url, '/monitor/services');
    await log.append(activity('span.start', 0, span), ended('ok'));
    const cell = page.locator('td[data-title=p95]');
    await cell.waitFor();
    const title = `getComputedStyle(document.querySelector('td[data-title=p95]'), '::before').content`;
    expect(await page.evaluate(title)).toBe('"p95"');
    expect(await page.getByRole('columnheader', { name: 'p95' }).count()).toBe(1);
    expect(await isSideways(page)).toBe(false);
  });

  it('opens details as a sheet over the whole width at 360 px, and the chosen trace instead of the list', async () => {
    const log = await startLog();
    const options = { viewport: { width: 360, height: 740 } };
    const page = await openLive(await browser.openContext(options), log.url);
    await log.append(activity('span.start', 0, span), ended('error'));
    await page.locator('.row-error').click();
    await page.locator('.drawer header h2').waitFor();
    expect((await page.locator('.drawer').boundingBox())?.width).toBe(360);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Traces', exact: true }).click();
    await page.locator('.cards button').click();
    await page.locator('.waterfall li').waitFor();
    expect(await page.locator('.cards').isVisible()).toBe(false);
    await page.getByRole('button', { name: '← Traces' }).click();
    await page.locator('.cards button').waitFor();
  });

  it('never scrolls as a whole, whatever is chosen', async () => {
    const log = await startLog();
    await log.append(
      ...Array.from({ length: 60 }, (_, index) =>
        activity('span.end', index, {
          ...span,
          traceId: (index + 1).toString(16).padStart(32, '0'),
          status: 'ok',
          durationMs: 1,
        }),
      ),
    );
    const page = await openLive(await browser.openContext(), log.url, '/monitor/traces');
    await page.locator('.cards button').nth(59).scrollIntoViewIfNeeded();
    await page.locator('.cards button').nth(59).click();
    await page.locator('.waterfall li').waitFor();
    expect(await page.evaluate(`document.querySelector('.header').getBoundingClientRect().top`)).toBe(0);
    expect(await page.evaluate('document.documentElement.scrollHeight - innerHeight')).toBe(0);
  });

  it('is told in few words to those who listen, however much comes', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('[aria-live=polite]').waitFor({ state: 'attached' });
    expect(await page.getByRole('log').getAttribute('aria-live')).toBe('off');
    await page.evaluate(`(() => {
      globalThis.said = 0;
      const watch = new MutationObserver((changes) => { globalThis.said += changes.length; });
      for (const region of document.querySelectorAll('[role=status], [role=alert], [aria-live=polite], output'))
        watch.observe(region, { subtree: true, childList: true, characterData: true });
    })()`);
    for (let part = 0; part < 20; part += 1) {
      await log.append(
        ...Array.from({ length: 20 }, (_, index) => activity('event', index, { name: 'e', severity: 'error' })),
      );
      if (part === 10) await page.keyboard.press('Space');
    }
    await page.getByText(/^Paused\. \d+ new\.$/).waitFor();
    await eventually(async () => (await countsOf(page)).totals.activities === 400, 'all of them');
    expect(await page.evaluate('globalThis.said')).toBeLessThanOrEqual(4);
  });

  it('lists its keys, and gives the focus back', async () => {
    const log = await startLog();
    const page = await openLive(await browser.openContext(), log.url);
    await page.keyboard.press('?');
    const sheet = page.getByRole('dialog');
    await sheet.waitFor();
    for (const key of ['/', 'Enter', 'Esc', 'Space', 'G', 'e', 'r', 'c', 'y', 't', '?'])
      expect(await sheet.locator('kbd', { hasText: key }).count(), key).toBeGreaterThan(0);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    for (const [key, view] of [
      ['t', 'traces'],
      ['c', 'calls'],
      ['s', 'services'],
      ['h', 'health'],
      ['l', 'live'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await eventually(async () => new URL(page.url()).pathname === `/monitor/${view}`, view);
    }
    await page.keyboard.press('e');
    await eventually(async () => page.url().includes('severity'), 'errors only');
  });

  it('keeps bars and what is pressed apart from the ground in forced colours', async () => {
    const log = await startLog();
    const options = { forcedColors: 'active' } as const;
    const page = await openLive(await browser.openContext(options), log.url);
    await log.append(ended('ok'));
    await page.locator('.row-ok').waitFor();
    await page.getByRole('button', { name: 'hide health' }).click();
    await page.locator('.row-ok .bar i').waitFor();
    const ground = (selector: string): Promise<string> =>
      page.evaluate(`getComputedStyle(document.querySelector('${selector}')).backgroundColor`);
    const paper = await ground('body');
    await eventually(async () => (await ground('.row-ok .bar i')) !== paper, 'the bar stands out');
    expect([await ground('.row-ok .bar i'), paper]).toEqual(['rgb(0, 0, 0)', 'rgb(255, 255, 255)']);
    expect(await ground('[aria-pressed=true]')).not.toBe(await ground('[aria-pressed=false]'));
  });

  it.each(['no-preference', 'reduce'] as const)(
    'fades in a new row, but not when asked to move nothing (%s)',
    async (reducedMotion) => {
      const log = await startLog();
      const context = await browser.openContext({ reducedMotion });
      // Animations of scripts and transitions of styles, of whatever element.
      await context.addInitScript(`
      globalThis.moved = [];
      const { animate } = Element.prototype;
      Element.prototype.animate = function (...options) {
        globalThis.moved.push(this.className);
        return animate.apply(this, options);
      };
      for (const type of ['transitionrun', 'animationstart'])
        addEventListener(type, ({ target }) => {
          // One without a duration only waits.
          const { animationDuration: lasts } = getComputedStyle(target);
          if (type === 'transitionrun' || lasts !== '0s') globalThis.moved.push(type + ' ' + target.className);
        }, true);`);
      const page = await openLive(context, log.url);
      await log.append(ended('ok'));
      await page.locator('.row-ok').waitFor();
      await log.append(activity('event', 50, { name: 'second' }));
      await page.locator('.row', { hasText: 'second' }).waitFor();
      await page.getByRole('button', { name: 'hide health' }).click();
      await page.getByRole('button', { name: 'Services', exact: true }).click();
      await page.locator('td[data-title=p95]').first().waitFor();
      const moved = await page.evaluate<string[]>('globalThis.moved');
      if (reducedMotion === 'reduce') expect(moved).toEqual([]);
      else expect(moved.filter((name) => name.includes('row-ok')).length).toBeGreaterThan(0);
    },
  );

  it('shares and copies also where the browser trusts the address less: plain HTTP by name', async () => {
    const log = await startLog({ allowedHost: ['livespan.test'] });
    const port = new URL(log.url).port;
    const context = await browser.openContext();
    const pages = await Promise.all(Array.from({ length: 8 }, () => openLive(context, `http://livespan.test:${port}`)));
    await log.append(ended('ok'));
    for (const page of pages) await page.locator('.row-ok').waitFor();
    const [page] = pages;
    if (page === undefined) throw new Error('no page');
    expect(await page.evaluate('isSecureContext')).toBe(false);
    expect(await readersOf(log.url)).toBe(1);
    await page.bringToFront();
    await page.locator('.row-ok').click();
    await page.getByRole('button', { name: 'copy JSON' }).click();
    await page.getByRole('button', { name: 'copied' }).waitFor();
  });
});
