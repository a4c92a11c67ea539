import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { formatTimeUs } from '../../../src/activity/time.ts';
import { startExample } from '../../examples/support/example.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { eventually, exportOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();

/** A span of the trace from one moment to another, ms. */
function span(number: number, name: string, parent: number | undefined, fromMs: number, toMs: number): Activity[] {
  const ids = {
    traceId: TRACE,
    spanId: spanId(number),
    ...(parent !== undefined && { parentSpanId: spanId(parent) }),
    service: 'gateway',
    name,
  };
  return [
    activity('span.start', fromMs, ids),
    activity('span.end', toMs, { ...ids, status: 'ok', durationMs: toMs - fromMs }),
  ];
}

/** The waterfall as it is drawn: indented by depth, `*` on the critical path. */
function drawn(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('.waterfall li')]
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
    .map((li) => {
      const name = li.querySelector('.waterfall-name');
      const depth = parseInt(name.style.getPropertyValue('--depth')) / 12;
      return ' '.repeat(depth) + name.lastElementChild.textContent.trim().replace(/^(ok|error|running|lost) /, '') + (li.classList.contains('is-critical') ? '*' : '');
    })`);
}

async function untilDrawn(page: Page, ...lines: string[]): Promise<void> {
  await eventually(
    async () => JSON.stringify(await drawn(page)) === JSON.stringify(lines),
    async () => `${JSON.stringify(lines)}, has ${JSON.stringify(await drawn(page))}`,
  );
}

const ask = (stream: boolean, model: string, words: number, callId: string, url: string) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': callId },
    body: JSON.stringify({
      model,
      stream,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: Array.from({ length: words }, (_, at) => `plum${at}`).join(' ') }],
    }),
  });

async function startGateway(file: string, logUrl: string): Promise<string> {
  const upstream = await startExample('gateway/upstream.js', {});
  onTestFinished(async () => void (await upstream.stop()));
  const env = { LIVESPAN_URL: logUrl, OTEL_SERVICE_NAME: 'gateway', OTEL_TRACES_EXPORTER: 'none' };
  const gateway = await startExample(file, { ...env, UPSTREAM_URL: upstream.url });
  onTestFinished(async () => void (await gateway.stop()));
  return gateway.url;
}

describe.skipIf(browser.isMissing)('a trace in a browser', () => {
  it('is drawn as a tree with its critical path, is folded and searched, and finds what a fold hides', async () => {
    const log = await startLog();
    await log.append(
      ...span(1, 'root', undefined, 0, 100),
      ...span(2, 'early', 1, 0, 40),
      ...span(3, 'beside', 1, 0, 60),
      ...span(4, 'late', 1, 65, 95),
      ...span(5, 'deep', 4, 70, 90),
    );
    const page = await openLive(await browser.openContext(), log.url, `/monitor/traces/${TRACE}`);
    const tree = ['root*', ' early', ' beside*', ' late*', '  deep*'];
    await untilDrawn(page, ...tree);
    const ground = (selector: string): Promise<string> =>
      page.evaluate(`getComputedStyle(document.querySelector('${selector} .waterfall-bar')).backgroundColor`);
    expect(await ground('li.is-critical')).not.toBe(await ground('li:not(.is-critical)'));

    const fold = page.getByLabel('Fold late');
    await fold.click();
    await untilDrawn(page, ...tree.slice(0, 4));
    expect(await fold.getAttribute('aria-expanded')).toBe('false');
    await page.getByLabel('Search in the trace').fill('DEEP');
    await page.getByText('1 span found').waitFor();
    await untilDrawn(page, ...tree);
    await page.getByLabel('Search in the trace').fill('');
    await untilDrawn(page, ...tree.slice(0, 4));
    // A link brings the folds back.
    await page.goto(page.url());
    await untilDrawn(page, ...tree.slice(0, 4));
    await page.getByLabel('Fold root').press('Enter');
    await untilDrawn(page, 'root*');
    await page.getByLabel('Fold root').press('Enter');
    await fold.click();
    await untilDrawn(page, ...tree);
    // A span leads to its details.
    await page.locator('.waterfall').getByRole('button', { name: 'beside' }).click();
    await page.locator('.drawer h2', { hasText: 'beside' }).waitFor();

    // What happened at one instant is one mark, with all of it in its label.
    const event = (atMs: number, name: string, more: Partial<Activity> = {}) =>
      activity('event', atMs, { traceId: TRACE, spanId: spanId(4), name, ...more });
    await log.append(event(80, 'one'), event(80, 'two', { severity: 'error' }), event(80, 'three'), event(70, 'alone'));
    const ticks = page.locator('.waterfall .tick');
    await eventually(async () => (await ticks.count()) === 2, 'two marks for four events');
    expect(await ticks.first().getAttribute('aria-label')).toMatch(/^00:00\.070 \(.*\) alone$/);
    const many = page.getByRole('button', { name: /^3 events/ });
    expect(await many.getAttribute('aria-label')).toBe(
      '3 events\n00:00.080 one\n00:00.080 error: two\n00:00.080 three',
    );
    await ticks.first().focus();
    await page.keyboard.press('Tab');
    await eventually(
      () =>
        page.evaluate(`(() => {
        const tick = document.activeElement;
        const label = getComputedStyle(tick, '::after');
        const { left, top } = tick.getBoundingClientRect();
        const isOnTop = document.elementFromPoint(left - 6, top + 35)?.closest('.tick') === tick;
        return tick.matches('.is-many.is-error') && label.content.includes('three') && parseFloat(label.height) >= 4 * 16 && isOnTop;
      })()`),
      'the label is shown line by line to who comes by keyboard',
    );
    await page.keyboard.press('Enter');
    await page.locator('.drawer h2', { hasText: 'late' }).waitFor();
    await page.locator('.drawer .entries li', { hasText: 'three' }).waitFor();
  });

  it('counts the events of a span that are not shown, and shows all of them in its details', async () => {
    const log = await startLog();
    const ids = { traceId: TRACE, spanId: spanId(1), service: 'gateway' };
    const events = Array.from({ length: 100 }, (_, i) => activity('event', 1 + i, { ...ids, name: `step ${i}` }));
    await log.append(activity('span.start', 0, { ...ids, name: 'work' }), ...events);
    const context = await browser.openContext();
    const page = await openLive(context, log.url);
    const row = page.locator('.row', { hasText: 'work' });
    await row.filter({ hasText: 'work +98 more events' }).waitFor();
    expect(await page.locator('.nested').count()).toBe(2);
    await log.append(activity('span.end', 150, { ...ids, name: 'work', status: 'ok', durationMs: 150 }));
    await row.filter({ hasText: 'work +100 more events' }).waitFor();

    // The log is not answered: what is not there is counted.
    let isHeld = true;
    await context.route('**/activity?*', (route) => (isHeld ? route.abort() : route.continue()));
    await row.click();
    await page.locator('.drawer', { hasText: '36 more events, not held.' }).waitFor();
    await page.getByRole('tab', { name: 'Trace', exact: true }).click();
    await page.locator('.waterfall-lane', { hasText: '36 more events, not held' }).waitFor();
    const file = await exportOf(page);
    expect(file.activities.filter((line) => 'missed' in line)).toMatchObject([{ type: 'gap', missed: 36 }]);
    await page.keyboard.press('Escape');
    isHeld = false;
    await row.click();
    await eventually(async () => (await page.locator('.drawer .entries li').count()) === 102, 'all that the log has');
    expect(await page.getByText('not held').count()).toBe(0);
  });

  it('keeps an orphan under a placeholder that says so, until the parent comes', async () => {
    const log = await startLog();
    await log.append(...span(1, 'root', undefined, 0, 100), ...span(3, 'orphan', 2, 20, 30));
    const page = await openLive(await browser.openContext(), log.url, `/monitor/traces/${TRACE}`);
    const placeholder = `parent ${spanId(2).slice(0, 8)} has not arrived`;
    await untilDrawn(page, 'root*', placeholder, ' orphan*');
    await log.append(...span(2, 'parent', 1, 10, 50));
    await untilDrawn(page, 'root*', ' parent*', '  orphan*');
  });

  it('grows while it runs: bars stand on one axis, new spans come in their place, and it stands still at the end', async () => {
    const log = await startLog();
    const nowUs = (): number => Date.now() * 1_000;
    const ids = { traceId: TRACE, spanId: spanId(1), service: 'gateway', name: 'root' };
    const child = { ...ids, spanId: spanId(2), parentSpanId: spanId(1), name: 'child' };
    const startUs = nowUs();
    const time = (afterMs: number): string => formatTimeUs(startUs + afterMs * 1_000);
    await log.append(
      activity('span.start', 0, { ...ids, time: time(0) }),
      activity('span.start', 0, { ...child, time: time(1) }),
      activity('span.end', 0, { ...child, time: time(51), status: 'ok', durationMs: 50 }),
    );
    const page = await openLive(await browser.openContext(), log.url, `/monitor/traces/${TRACE}`);
    await page.locator('.span-running').waitFor();
    const share = (selector: string): Promise<number> =>
      page.evaluate(`parseFloat(document.querySelector('${selector} .waterfall-bar').style.width)`);
    const first = await share('.span-ok');
    await eventually(
      async () => (await share('.span-ok')) < first * 0.8,
      'the axis grows, so what is over takes less of it',
    );
    expect(await share('.span-running')).toBe(100);
    await log.append(activity('span.start', 0, { ...child, spanId: spanId(3), name: 'next', time: time(60) }));
    await page.locator('li.span-running', { hasText: 'next' }).waitFor();
    await log.append(
      activity('span.end', 0, {
        ...child,
        spanId: spanId(3),
        name: 'next',
        time: time(90),
        status: 'error',
        durationMs: 30,
      }),
      activity('span.end', 0, { ...ids, time: time(100), status: 'ok', durationMs: 100 }),
    );
    await page.locator('li.span-error', { hasText: 'next' }).waitFor();
    await page.locator('.waterfall', { hasText: '100 ms · 3 spans · 1 error' }).waitFor();
    expect(await share('.span-error')).toBeCloseTo(30, 1);
    // Not by colour alone.
    expect(await page.locator('.span-error button', { hasText: 'next' }).textContent()).toMatch(/^error next$/);
  });

  it('of many spans is searched whole, and Enter goes from one find to the next', async () => {
    const log = await startLog();
    const many = Array.from({ length: 400 }, (_, at) =>
      span(at + 2, at % 199 === 198 ? `needle ${at}` : `hay ${at}`, 1, at, at + 1),
    );
    await log.append(...span(1, 'root', undefined, 0, 500), ...many.flat());
    const page = await openLive(await browser.openContext(), log.url, `/monitor/traces/${TRACE}`);
    await page.locator('.waterfall li').first().waitFor();
    expect(await page.locator('.waterfall li').count()).toBeLessThan(100);
    await page.getByLabel('Search in the trace').fill('needle');
    await page.getByText('2 spans found').waitFor();
    // A link shows the same.
    await page.waitForURL((url) => url.searchParams.get('search') === 'needle');
    await page.reload();
    await page.getByText('2 spans found').waitFor();
    await page.getByLabel('Search in the trace').focus();
    for (const name of ['needle 198', 'needle 397', 'needle 198']) {
      await page.keyboard.press('Enter');
      await eventually(
        () =>
          page.evaluate(`[...document.querySelectorAll('.is-found')].some((li) => {
            const box = li.getBoundingClientRect();
            const sight = document.querySelector('.waterfall-lines').getBoundingClientRect();
            return li.textContent.includes('${name}') && box.top >= sight.top - 1 && box.bottom <= sight.bottom + 1;
          })`),
        `${name} is in sight`,
      );
    }
  });
});

describe.skipIf(browser.isMissing)('the call of a language model in a browser', () => {
  it('is told in words while it streams and afterwards; what was said is nowhere without leave', async () => {
    const log = await startLog();
    const gateway = await startGateway('gateway/server.js', log.url);
    const page = await openLive(await browser.openContext(), log.url, '/monitor/calls/story-1');
    // Progress is told once a second: an answer of three seconds has some.
    const answer = await ask(true, 'slow', 100, 'story-1', gateway);
    const story = page.locator('.story');
    // While it streams: when the first token came, and how far it is.
    await story.getByText(/first token after .* · streaming for .* · \d+ chunks? so far/).waitFor();
    await story.locator('.step', { hasText: /^.*First token.*after \d+ ms/ }).waitFor();
    await story.locator('.step', { hasText: /…\s*(?:[2-9]|\d\d+) chunks so far, \S+/ }).waitFor();
    await answer.text();
    await story
      .getByText(/ok in .* · slow · \d+ tokens \(100 in, \d+ out\) · first token after \d+ ms .*stop$/)
      .waitFor();
    expect(await story.getByText(/streaming for|so far/).count()).toBe(0);
    const steps = await story.locator('.step b').allInnerTexts();
    const told = ['Request received', 'Sent to upstream', 'First token', 'Response sent'];
    expect(steps.filter((step) => told.includes(step))).toEqual(told);
    await story.locator('.step', { hasText: /Response sent.*200, \d+ chunks, .*tokens/ }).waitFor();
    expect(await story.getByText('Prompt and answer').count()).toBe(0);
    expect(await page.evaluate<string>('document.body.innerText')).not.toContain('plum');
    expect((await exportOf(page)).text).not.toContain('plum');
  });

  it('shows prompt, answer and tool calls where the application captured them', async () => {
    const log = await startLog();
    const gateway = await startGateway('../test/monitor/browser/capturing-gateway.js', log.url);
    await (await ask(true, 'normal', 3, 'story-2', gateway)).text();
    await (await ask(false, 'tools', 1, 'story-3', gateway)).text();
    const page = await openLive(await browser.openContext(), log.url, '/monitor/calls/story-2');
    const chat = page.locator('.chat');
    await chat.waitFor();
    expect(await chat.locator('.message-user p').textContent()).toBe('plum0 plum1 plum2');
    expect(await chat.locator('.message-assistant p').textContent()).toBe('You said: plum0 plum1 plum2');
    await page.locator('.cards button', { hasText: 'story-3' }).click();
    await chat.getByText('get_weather({"city":"Bern"})').waitFor();
  });
});
