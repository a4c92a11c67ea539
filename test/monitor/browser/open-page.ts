import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { build } from 'vite';
import { onTestFinished } from 'vitest';

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
  await build({ configFile: join(ROOT, 'vite.config.ts'), root: join(ROOT, 'src/monitor'), logLevel: 'silent' });
}

/** A context without cache; anything that the page throws or that its policy forbids fails the test. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...options });
  const problems: string[] = [];
  context.on('weberror', (error) => problems.push(error.error().message));
  context.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  onTestFinished(async () => {
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
