import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import { launchChromium, provideChromium } from '../test/support/chromium.ts';

const PROBE = readFileSync(join(import.meta.dirname, 'monitor-probe.js'), 'utf8');

/** What the page itself measures (monitor-probe.js). */
interface Probe {
  /** ms since navigation, when the page first showed something. */
  shownMs: number;
  /** ms since navigation, when the key that was pressed then had led into the filter; 0 before. */
  firstKeyMs: number;
  /** ms since navigation, when as many rows as were wanted stood in the list; 0 before. */
  historyMs: number;
  /** ms since navigation, when a key that was pressed at that moment had moved to a row; 0 before. */
  answeredMs: number;
  /** Marker in a row's text → ms since the epoch, at the frame after the one that drew it. */
  seen: Record<string, number | null>;
  /** Durations of animation frames, ms. */
  frames: number[];
  /** Of the frames over 50 ms, those in which the main thread was held by one task for 50 ms or more. */
  heldFrames: number;
  /** Tasks of 50 ms or more, ms. */
  longTasks: number[];
  /** From a key press to its handler, ms. */
  inputs: number[];
}

/** Of the page's main thread, since it began. */
export interface ThreadTimes {
  /** s of tasks by the wall clock, with what the thread waited for a CPU meanwhile. */
  wallSeconds: number;
  /** s of CPU. */
  cpuSeconds: number;
  /** s in which it could have run and no CPU was free; `undefined` where the system does not tell (not Linux). */
  waitedSeconds: number | undefined;
}

export interface BenchPage {
  readonly page: Page;
  /** The probe's figures so far. */
  read(): Promise<Probe>;
  /** Forgets frames and inputs. */
  reset(): Promise<void>;
  counts(): Promise<{ activities: number; rows: number; missed: number; behind: number }>;
  /** Addresses of what it has loaded, and whether it asked for them before it showed something. */
  loaded(): Promise<[string, boolean][]>;
  /** Scrolls the longest list through; returns its height, px. */
  scroll(forMs: number): Promise<number>;
  /** JavaScript heap after a collection, bytes. */
  heapBytes(): Promise<number>;
  threadTimes(): Promise<ThreadTimes>;
  /** Where the main thread spends its time for so long: lines of share and function. */
  profile(forMs: number): Promise<string[]>;
  close(): Promise<void>;
}

export interface BenchBrowser {
  /** @param historyRows waits for so many rows, and for the answer to a first key */
  newPage(url: string, historyRows?: number): Promise<BenchPage>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<BenchBrowser> {
  const program = provideChromium();
  if (program === undefined) throw new Error('the bench needs Chromium');
  const browser = await launchChromium(program);
  return {
    async newPage(url, historyRows = 0) {
      // A context of its own: nothing is cached, as on a first visit.
      const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
      const page = await context.newPage();
      await page.addInitScript(`${PROBE}\nlivespanProbe.await(${historyRows});`);
      await page.goto(url);
      await untilTold(page, historyRows > 0 ? 'answeredMs' : 'shownMs');
      const session = await context.newCDPSession(page);
      return benchPage(browser, context, page, session);
    },
    close: () => browser.close(),
  };
}

const TELL_MAX_MS = 30_000;

/** Asked from here: the policy of the page lets nobody evaluate text inside again and again. */
async function untilTold(page: Page, what: 'answeredMs' | 'shownMs'): Promise<void> {
  const startMs = performance.now();
  while ((await page.evaluate<number>(`livespanProbe.read().${what}`)) === 0) {
    if (performance.now() - startMs > TELL_MAX_MS) throw new Error(`the page has no ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function benchPage(browser: Browser, context: BrowserContext, page: Page, session: CDPSession): BenchPage {
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
    async threadTimes() {
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
      const { metrics } = await session.send('Performance.getMetrics');
      const read = (key: string): number => metrics.find(({ name }) => name === key)?.value ?? Number.NaN;
      const times = { cpuSeconds: read('ThreadTime'), wallSeconds: read('TaskDuration') };
      return { ...times, waitedSeconds: await waitedSeconds(browser) };
    },
    profile: (forMs) => profile(session, forMs),
    close: () => context.close(),
  };
}

/** Of the busiest renderer's main thread: with one page open that is the page's. */
async function waitedSeconds(browser: Browser): Promise<number | undefined> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const times = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => readSchedule(id));
  const busiest = times.sort((a, b) => b.ranNs - a.ranNs)[0];
  return busiest === undefined || busiest.ranNs === 0 ? undefined : busiest.waitedNs / 1e9;
}

function readSchedule(pid: number): { ranNs: number; waitedNs: number } {
  try {
    const [ranNs = 0, waitedNs = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(Number);
    return { ranNs, waitedNs };
  } catch {
    return { ranNs: 0, waitedNs: 0 };
  }
}

const PROFILED_MAX = 25;

async function profile(session: CDPSession, forMs: number): Promise<string[]> {
  await session.send('Profiler.enable');
  await session.send('Profiler.setSamplingInterval', { interval: 500 });
  await session.send('Profiler.start');
  await new Promise((resolve) => setTimeout(resolve, forMs));
  const { nodes, samples = [], timeDeltas = [] } = (await session.send('Profiler.stop')).profile;
  const names = new Map(
    nodes.map(({ id, callFrame }) => {
      const file = callFrame.url.slice(callFrame.url.lastIndexOf('/') + 1);
      return [id, `${callFrame.functionName || 'anonymous'} ${file}:${callFrame.lineNumber}:${callFrame.columnNumber}`];
    }),
  );
  const selfUs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? 'unknown';
    selfUs.set(name, (selfUs.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const totalUs = timeDeltas.reduce((sum, us) => sum + us, 0);
  return [...selfUs]
    .sort((a, b) => b[1] - a[1])
    .slice(0, PROFILED_MAX)
    .map(([name, us]) => `${((us / totalUs) * 100).toFixed(2).padStart(6)} % ${name}`);
}
