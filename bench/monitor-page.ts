import { join } from 'node:path';
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';

/** What the page itself measures (monitor-probe.js). */
interface Probe {
  /** ms since navigation, when the page first showed something. */
  shownMs: number;
  /** Marker in a row's text → ms since the epoch, at the frame that drew it. */
  seen: Record<string, number | null>;
  /** Durations of animation frames, ms. */
  frames: number[];
  /** From a key press to its handler, ms. */
  inputs: number[];
}

export interface BenchPage {
  readonly page: Page;
  /** The probe's figures so far. */
  read(): Promise<Probe>;
  /** Forgets frames and inputs. */
  reset(): Promise<void>;
  counts(): Promise<{ activities: number; rows: number; missed: number; behind: number }>;
  /** Addresses of what it has loaded. */
  loaded(): Promise<string[]>;
  /** Scrolls the longest list through; returns its height, px. */
  scroll(forMs: number): Promise<number>;
  /** JavaScript heap after a collection, bytes. */
  heapBytes(): Promise<number>;
  /** Seconds the main thread has worked. */
  busySeconds(): Promise<number>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<{ newPage(url: string): Promise<BenchPage>; close(): Promise<void> }> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  return {
    async newPage(url) {
      // A context of its own: nothing is cached, as on a first visit.
      const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
      const page = await context.newPage();
      await page.addInitScript({ path: join(import.meta.dirname, 'monitor-probe.js') });
      await page.goto(url);
      await page.waitForFunction('livespanProbe.read().shownMs > 0');
      const session = await context.newCDPSession(page);
      await session.send('Performance.enable');
      return benchPage(context, page, session);
    },
    close: () => browser.close(),
  };
}

function benchPage(context: BrowserContext, page: Page, session: CDPSession): BenchPage {
  return {
    page,
    read: () => page.evaluate('livespanProbe.read()'),
    reset: () => page.evaluate('livespanProbe.reset()'),
    counts: () => page.evaluate('livespanProbe.counts()'),
    loaded: () => page.evaluate('livespanProbe.loaded()'),
    scroll: (forMs) => page.evaluate(`livespanProbe.scroll(${forMs})`),
    async heapBytes() {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize;
    },
    async busySeconds() {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
    },
    close: () => context.close(),
  };
}
