/**
 * `npm run bench:monitor [-- --quick] [--minutes 10] [--only scrolling] [--profile]`: builds the monitor and measures it in
 * a real Chromium over loopback, with the embedded log and the load from a process of its own. `--profile` says where the
 * main thread spends its time under the steady load. A whole run is written into bench/MONITOR.md. Exits with 1 when a
 * target is missed.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { createServer, type LivespanServer } from '../src/server/index.ts';
import { isMet, measure as measureApart, median, quantile, type Row } from './harness.ts';
import { pause } from './monitor-load.ts';
import type { Load } from './monitor-load-process.ts';
import { type BenchBrowser, type BenchPage, openBrowser, type ThreadTimes } from './monitor-page.ts';
import { figureOf, resultsTable, targetOf, verdictOf } from './results-table.ts';

const ROOT = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    only: { type: 'string' },
  },
});
const minutes = Number(values.minutes ?? (values.quick ? 0.5 : 10));
/** Three frames of 60 Hz are 50 ms, which the clock of the page rounds up or down. */
const SLOW_FRAME_MS = 50.5;

/** From a process of its own: what it costs is not the page's. */
function send(way: 'probes' | 'steady' | 'burst' | 'history', url: string, ...numbers: number[]): Promise<Load> {
  return measureApart<Load>('monitor-load-process.ts', [way, url, ...numbers.map(String)]);
}

type Probe = Awaited<ReturnType<BenchPage['read']>>;

/** Bytes of what the page loads before it shows something, and of what follows by itself; gzip, as the build left them. */
async function loadBytes(page: BenchPage): Promise<{ first: number; rest: number }> {
  const loaded = await page.loaded();
  const dir = join(ROOT, 'dist/monitor/assets');
  const bytes = { first: gzipSync(await readFile(join(dir, '../index.html')), { level: 9 }).length, rest: 0 };
  for (const file of (await readdir(dir)).filter((name) => name.endsWith('.gz'))) {
    // A worker's script is not among the resources of its page.
    const isFirst = file.startsWith('worker-hub') || loaded.find(([url]) => url.endsWith(file.slice(0, -3)))?.[1];
    if (isFirst !== undefined) bytes[isFirst ? 'first' : 'rest'] += (await stat(join(dir, file))).size;
  }
  return bytes;
}

/** As many as a page shows of what was there already. */
const HISTORY_ROWS = 1_000;

async function loading(browser: BenchBrowser, url: string): Promise<Row[]> {
  await send('history', url, HISTORY_ROWS);
  const shown: number[] = [];
  const firstKey: number[] = [];
  const chosen: number[] = [];
  const withRows: number[] = [];
  let bytes = { first: 0, rest: 0 };
  for (let turn = 0; turn < 5; turn += 1) {
    const page = await browser.newPage(`${url}/monitor/live`, HISTORY_ROWS);
    const probe = await page.read();
    shown.push(probe.shownMs);
    withRows.push(probe.historyMs);
    firstKey.push(probe.firstKeyMs);
    chosen.push(probe.answeredMs);
    // What follows by itself has followed.
    await pause(2_000);
    bytes = await loadBytes(page);
    await page.close();
  }
  const list = (times: readonly number[]): string => times.map(Math.round).join(', ');
  return [
    {
      what: 'first load, gzip',
      value: bytes.first / 1_000,
      unit: 'kB',
      target: { sign: '≤', value: 40 },
      detail: `page, scripts, styles, worker; ${(bytes.rest / 1_000).toFixed(1)} kB follow once it is shown`,
    },
    {
      what: 'interactive: shell',
      value: median(shown),
      unit: 'ms',
      target: { sign: '≤', value: 300 },
      detail: `${list(shown)}; takes clicks, and keeps keys`,
    },
    {
      what: 'first key answered',
      value: median(firstKey),
      unit: 'ms',
      detail: `${list(firstKey)}; pressed when the shell is shown`,
    },
    {
      what: '1,000 earlier rows shown',
      value: median(withRows),
      unit: 'ms',
      detail: `${list(withRows)}; the first of them chosen by key after ${list(chosen)}`,
    },
  ];
}

async function visibility(browser: BenchBrowser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  await pause(1_000);
  const { probes } = await send('probes', url, values.quick ? 250 : 1_500, 20);
  await pause(500);
  const { seen } = await page.read();
  const delays = probes.map(([name, atMs]) => (seen[name] ?? Number.NaN) - atMs);
  const found = Float64Array.from(delays.filter((delay) => !Number.isNaN(delay))).sort();
  await page.close();
  const detail = `${found.length} of ${probes.length} seen at 50/s`;
  return [
    { what: 'start → visible, p50', value: quantile(found, 0.5), unit: 'ms', target: { sign: '≤', value: 50 }, detail },
    {
      what: 'start → visible, p99',
      value: quantile(found, 0.99),
      unit: 'ms',
      target: { sign: '≤', value: 250 },
      detail,
    },
    { what: 'starts seen', value: found.length / probes.length, target: { sign: '≥', value: 1 }, detail },
  ];
}

async function sustained(browser: BenchBrowser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  // Until the page holds as many rows as it ever will, of the kind that is to come.
  await send('steady', url, 2_000, 14_000);
  await send('steady', url, 500, 3_000);
  const heapBefore = await page.heapBytes();
  await page.reset();
  const before = await page.threadTimes();
  const sending = send('steady', url, 500, minutes * 60_000);
  const sampling = sampleHeap(page, minutes * 60_000);
  if (values.profile) for (const line of await page.profile(minutes * 50_000)) console.log(line);
  const { sent, tookMs } = await sending;
  const samples = await sampling;
  const after = await page.threadTimes();
  const probe = await page.read();
  const slow = slowFrames(probe);
  await pause(1_000);
  const heapAfter = await page.heapBytes();
  const { missed, behind } = await page.counts();
  await page.close();
  const rate = `${Math.round(sent / (tookMs / 1_000))}/s for ${Math.round(tookMs / 1_000)} s`;
  const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  return [
    {
      what: 'heap after ÷ before',
      value: heapAfter / heapBefore,
      target: { sign: '≤', value: 1.15 },
      detail: `${mib(heapBefore)} → ${mib(heapAfter)}, ${rate}`,
    },
    {
      what: 'heap after GC, growth a minute',
      value: growthOf(samples) * 100,
      unit: '%',
      ...(minutes >= FLAT_AFTER_MINUTES && { target: { sign: '≤', value: HEAP_GROWTH_PERCENT_MAX } }),
      detail: `${samples.map(({ bytes }) => (bytes / 1_048_576).toFixed(1)).join(' ')} MiB; a straight line after the first 20 % of the time`,
    },
    {
      what: 'frames over 50 ms',
      value: slow.count / probe.frames.length,
      target: { sign: '≤', value: 0.01 },
      detail: slow.detail,
    },
    busyRow(before, after, tookMs / 1_000, sent),
    {
      what: 'missed or behind',
      value: missed + behind,
      target: { sign: '≤', value: 0 },
      detail: `${missed} missed, ${behind} behind`,
    },
  ];
}

interface HeapSample {
  atMinutes: number;
  bytes: number;
}

/** One sample differs from the next by some percent: in less time that alone is a slope, so there it only informs. */
const FLAT_AFTER_MINUTES = 5;
const HEAP_GROWTH_PERCENT_MAX = 1;

/** After a collection each minute, or ten times where the whole takes less than that. */
async function sampleHeap(page: BenchPage, forMs: number): Promise<HeapSample[]> {
  const everyMs = Math.min(60_000, forMs / 10);
  const samples: HeapSample[] = [];
  const beginMs = performance.now();
  for (let atMs = everyMs; atMs <= forMs; atMs += everyMs) {
    await pause(beginMs + atMs - performance.now());
    samples.push({ atMinutes: atMs / 60_000, bytes: await page.heapBytes() });
  }
  return samples;
}

/** Slope of the straight line through the samples (least squares) after the first 20 % of the time, as a share of their mean a minute. */
function growthOf(samples: readonly HeapSample[]): number {
  const fromMinutes = 0.2 * (samples.at(-1)?.atMinutes ?? 0);
  const settled = samples.filter(({ atMinutes }) => atMinutes > fromMinutes);
  const mean = (of: (sample: HeapSample) => number): number =>
    settled.reduce((sum, sample) => sum + of(sample), 0) / settled.length;
  const meanMinutes = mean(({ atMinutes }) => atMinutes);
  const meanBytes = mean(({ bytes }) => bytes);
  const together = mean(({ atMinutes, bytes }) => (atMinutes - meanMinutes) * (bytes - meanBytes));
  return together / mean(({ atMinutes }) => (atMinutes - meanMinutes) ** 2) / meanBytes;
}

/** How many frames took long, and how many of them a task of the page's own explains. */
function slowFrames({ frames, heldFrames, longTasks }: Probe): { count: number; detail: string } {
  const count = frames.filter((ms) => ms > SLOW_FRAME_MS).length;
  const of = `${count} of ${frames.length}, longest ${Math.round(Math.max(...frames))} ms`;
  return { count, detail: `${of}; ${heldFrames} by a task of the page (${longTasks.length} tasks ≥ 50 ms)` };
}

function busyRow(before: ThreadTimes, after: ThreadTimes, seconds: number, activities: number): Row {
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  const share = (from: number | undefined, to: number | undefined): string =>
    from === undefined || to === undefined ? 'unknown' : `${Math.round(((to - from) / seconds) * 100)} %`;
  return {
    what: 'main thread busy, CPU',
    value: cpuSeconds / seconds,
    target: { sign: '≤', value: 0.4 },
    detail: `${Math.round((cpuSeconds / activities) * 1e6)} µs an activity; by the wall clock ${share(before.wallSeconds, after.wallSeconds)}; waited for a CPU ${share(before.waitedSeconds, after.waitedSeconds)} of the time`,
  };
}

async function burst(browser: BenchBrowser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  await pause(1_000);
  const before = await page.counts();
  await page.reset();
  let isOver = false;
  const typing = (async () => {
    while (!isOver) {
      await page.page.keyboard.press('Shift');
      await pause(30);
    }
  })();
  const { tookMs } = await send('burst', url, 10_000);
  const sentMs = performance.now();
  let counts = await page.counts();
  while (counts.activities < before.activities + 10_000 && performance.now() - sentMs < 20_000) {
    await pause(50);
    counts = await page.counts();
  }
  const lateMs = performance.now() - sentMs;
  isOver = true;
  await typing;
  const { inputs, longTasks } = await page.read();
  await page.close();
  const worst = Math.max(...inputs);
  return [
    {
      what: 'burst of 10,000: input delay, worst',
      value: worst,
      unit: 'ms',
      target: { sign: '≤', value: 100 },
      detail: `${inputs.length} keys; sent in ${Math.round(tookMs)} ms, counted ${Math.round(lateMs)} ms later; ${longTasks.length} tasks ≥ 50 ms`,
    },
    {
      what: 'burst of 10,000: counted',
      value: (counts.activities - before.activities) / 10_000,
      target: { sign: '≥', value: 1 },
      detail: `${counts.activities - before.activities} of 10,000`,
    },
  ];
}

async function scrolling(browser: BenchBrowser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  await pause(500);
  // Two activities a row.
  await send('burst', url, 20_000);
  let counts = await page.counts();
  for (let turn = 0; counts.rows < 10_000 && turn < 200; turn += 1) {
    await pause(50);
    counts = await page.counts();
  }
  await pause(1_000);
  await page.reset();
  const height = await page.scroll(4_000);
  const probe = await page.read();
  const slow = slowFrames(probe);
  await page.close();
  const detail = `${counts.rows} rows, ${height} px high`;
  return [
    {
      what: 'scroll 10,000 rows: frames over 50 ms',
      value: slow.count,
      target: { sign: '≤', value: 0 },
      detail: slow.detail,
    },
    {
      what: 'scroll 10,000 rows: rows',
      value: height === 0 ? 0 : counts.rows,
      target: { sign: '≥', value: 10_000 },
      detail,
    },
  ];
}

async function main(): Promise<boolean> {
  await build({ configFile: join(ROOT, 'vite.config.ts'), root: join(ROOT, 'src/monitor'), logLevel: 'error' });
  const browser = await openBrowser();
  const rows: Row[] = [];
  try {
    for (const measure of [loading, visibility, burst, scrolling, sustained]) {
      if (values.only !== undefined && values.only !== measure.name) continue;
      const feed = `bench:${process.pid}:${measure.name}`;
      const server: LivespanServer = await createServer({ url: 'memory:', feed, port: 0, otlp: false });
      try {
        for (const row of await measure(browser, server.url)) {
          rows.push(row);
          console.log(lineOf(row));
        }
      } finally {
        await server.close();
      }
    }
  } finally {
    await browser.close();
  }
  if (!values.quick && values.only === undefined)
    await writeFile(join(import.meta.dirname, 'MONITOR.md'), report(rows));
  return rows.every(isMet);
}

function report(rows: readonly Row[]): string {
  return `# The monitor, measured

\`npm run bench:monitor\`: a real Chromium over loopback, embedded log, load from a process of its own; first visits, nothing cached.

${resultsTable(rows, `one run, ${minutes} minutes of steady load`)}
`;
}

function lineOf(row: Row): string {
  const cells = [row.what.padEnd(40), figureOf(row).padEnd(10), targetOf(row).padEnd(8), verdictOf(row).padEnd(7)];
  return [...cells, row.detail].join(' ');
}

process.exitCode = (await main()) ? 0 : 1;
