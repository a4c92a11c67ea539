import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { launchChromium, provideChromium } from '../../support/chromium.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The server serves what is built: brings that up to date with the sources. */
export async function buildMonitor(): Promise<void> {
  const builtMs = statSync(join(ROOT, 'dist/monitor/index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newestMs = Math.max(
    ...['src/monitor', 'src/activity'].flatMap((dir) =>
      readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' }).map(
        (name) => statSync(join(ROOT, dir, name)).mtimeMs,
      ),
    ),
  );
  if (newestMs < builtMs) return;
  const { build } = await import('vite');
  await build({ configFile: join(ROOT, 'vite.config.ts'), root: join(ROOT, 'src/monitor'), logLevel: 'silent' });
}

/** The one browser of a test file. */
export interface SharedBrowser {
  readonly isMissing: boolean;
  openContext(options?: BrowserContextOptions, atEnd?: AtEnd): Promise<BrowserContext>;
}

/** Takes what has to be done at the end of a test, or of all tests of a file. */
export type AtEnd = (end: () => void | Promise<void>) => void;

/** @param args further arguments for Chromium */
export function shareBrowser(...args: readonly string[]): SharedBrowser {
  const program = provideChromium();
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (program === undefined) return;
    await buildMonitor();
    browser = await launchChromium(program, args);
  }, 120_000);
  afterAll(() => browser?.close());
  return {
    isMissing: program === undefined,
    openContext(options, atEnd) {
      if (browser === undefined) throw new Error('there is no browser');
      return openContext(browser, options, atEnd);
    },
  };
}

/** What all tests of a file share is ended after the last of them, the newest first. */
export function afterAllTests(): AtEnd {
  const ends: (() => void | Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  return (end) => void ends.push(end);
}

/** A context without cache; anything that the page throws or that its policy forbids fails the test. */
export async function openContext(
  browser: Browser,
  options: BrowserContextOptions = {},
  atEnd: AtEnd = onTestFinished,
): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...options });
  // Below the 30 s that a test has: what was waited for is said, not only that the test took too long.
  context.setDefaultTimeout(20_000);
  const problems: string[] = [];
  context.on('weberror', (error) => problems.push(error.error().message));
  context.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  atEnd(async () => {
    await context.close();
    if (problems.length > 0) throw new Error(`The page had problems:\n${problems.join('\n')}`);
  });
  return context;
}

export async function openLive(context: BrowserContext, url: string, address = '/monitor/live'): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url + address);
  await page.locator('.badge-live').waitFor();
  return page;
}

/** Another address in the same page, as a step back or forward brings it. */
export async function goTo(page: Page, address: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, '', ${JSON.stringify(address)}); dispatchEvent(new PopStateEvent('popstate'))`,
  );
}

/** The file that "export" gives: every activity behind the rows, in the order of the log. */
export async function exportOf(page: Page): Promise<{ text: string; activities: (Activity & { cursor: string })[] }> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'export' }).click(),
  ]);
  const text = readFileSync(await download.path(), 'utf8');
  const lines = text.split('\n').slice(0, -1);
  return { text, activities: lines.map((line) => JSON.parse(line) as Activity & { cursor: string }) };
}

/** Readers of the stream, as the server counts them. */
export async function readersOf(url: string): Promise<number> {
  const stats = (await (await fetch(`${url}/stats`)).json()) as { readers: { readers: number } };
  return stats.readers.readers;
}

/** The rows of the list that are in sight, top first, by what stands in their name cell. */
export function namesOf(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('.row')]
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
    .map((row) => row.querySelector('.name')?.firstChild?.textContent ?? row.className)`);
}

/** Exact counts behind what is drawn. */
export function countsOf(
  page: Page,
): Promise<{ totals: { activities: number }; rows: number; loss: { missed: number; resets: number } }> {
  return page.evaluate(`(() => {
    const detail = {};
    dispatchEvent(new CustomEvent('livespan:inspect', { detail }));
    return detail;
  })()`);
}

/** Until `check` holds; fails with `what` after 20 s. */
export async function eventually(check: () => Promise<boolean>, what: string | (() => Promise<string>)): Promise<void> {
  const endMs = Date.now() + 20_000;
  while (!(await check())) {
    if (Date.now() > endMs) throw new Error(`Never came true: ${typeof what === 'string' ? what : await what()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function isSideways(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}
