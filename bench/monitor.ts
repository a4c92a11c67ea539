/**
 * `npm run bench:monitor [-- --quick] [--minutes 10]`: builds the monitor and measures it in a real Chromium over
 * loopback, with the embedded log. Exits with 1 when a target is missed.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { createServer, type LivespanServer } from '../src/server/index.ts';
import { isMet, median, quantile, type Row } from './harness.ts';
import { pause, sendBurst, sendProbes, sendSteadily } from './monitor-load.ts';
import { type BenchPage, openBrowser } from './monitor-page.ts';

const ROOT = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, minutes: { type: 'string' } },
});
const minutes = Number(values.minutes ?? (values.quick ? 0.5 : 10));
const SLOW_FRAME_MS = 50;

type Browser = Awaited<ReturnType<typeof openBrowser>>;

/** Bytes of what the page loads first, gzip, as the build left them. */
async function firstLoadBytes(page: BenchPage): Promise<number> {
  const loaded = await page.loaded();
  const dir = join(ROOT, 'dist/monitor/assets');
  const files = (await readdir(dir)).filter(
    (file) =>
      file.endsWith('.gz') && (file.startsWith('worker-hub') || loaded.some((url) => url.endsWith(file.slice(0, -3)))),
  );
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(dir, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function loading(browser: Browser, url: string): Promise<Row[]> {
  const shown: number[] = [];
  let bytes = 0;
  for (let turn = 0; turn < 5; turn += 1) {
    const page = await browser.newPage(`${url}/monitor/live`);
    shown.push((await page.read()).shownMs);
    await pause(300);
    bytes = await firstLoadBytes(page);
    await page.close();
  }
  return [
    {
      what: 'first load, gzip',
      value: bytes / 1_024,
      unit: 'kB',
      target: { sign: '≤', value: 40 },
      detail: 'scripts, styles, worker',
    },
    {
      what: 'interactive',
      value: median(shown),
      unit: 'ms',
      target: { sign: '≤', value: 300 },
      detail: shown.map(Math.round).join(', '),
    },
  ];
}

async function visibility(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  await pause(1_000);
  const sent = await sendProbes(url, values.quick ? 250 : 1_500, 20);
  await pause(500);
  const { seen } = await page.read();
  const delays = [...sent].map(([name, atMs]) => (seen[name] ?? Number.NaN) - atMs);
  const found = Float64Array.from(delays.filter((delay) => !Number.isNaN(delay))).sort();
  await page.close();
  const detail = `${found.length} of ${sent.size} seen at 50/s`;
  return [
    { what: 'start → visible, p50', value: quantile(found, 0.5), unit: 'ms', target: { sign: '≤', value: 50 }, detail },
    {
      what: 'start → visible, p99',
      value: quantile(found, 0.99),
      unit: 'ms',
      target: { sign: '≤', value: 250 },
      detail,
    },
    { what: 'starts seen', value: found.length / sent.size, target: { sign: '≥', value: 1 }, detail },
  ];
}

async function sustained(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  // Until the page holds as many rows as it ever will.
  await sendBurst(url, 24_000);
  await sendSteadily(url, 500, 5_000);
  const before = await page.heapBytes();
  await page.reset();
  const busyBefore = await page.busySeconds();
  const beginMs = performance.now();
  const sent = await sendSteadily(url, 500, minutes * 60_000);
  const wallSeconds = (performance.now() - beginMs) / 1_000;
  const busy = ((await page.busySeconds()) - busyBefore) / wallSeconds;
  const { frames } = await page.read();
  await pause(1_000);
  const after = await page.heapBytes();
  const { missed, behind } = await page.counts();
  await page.close();
  const slow = frames.filter((ms) => ms > SLOW_FRAME_MS).length;
  const rate = `${Math.round(sent / wallSeconds)}/s for ${Math.round(wallSeconds)} s`;
  const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  return [
    {
      what: 'heap after ÷ before',
      value: after / before,
      target: { sign: '≤', value: 1.15 },
      detail: `${mib(before)} → ${mib(after)}, ${rate}`,
    },
    {
      what: 'frames over 50 ms',
      value: slow / frames.length,
      target: { sign: '≤', value: 0.01 },
      detail: `${slow} of ${frames.length}`,
    },
    { what: 'main thread busy', value: busy, target: { sign: '≤', value: 0.4 }, detail: rate },
    {
      what: 'missed or behind',
      value: missed + behind,
      target: { sign: '≤', value: 0 },
      detail: `${missed} missed, ${behind} behind`,
    },
  ];
}

async function burst(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  await pause(1_000);
  const before = await page.counts();
  await page.reset();
  const beginMs = performance.now();
  const sending = sendBurst(url, 10_000);
  let isOver = false;
  const typing = (async () => {
    while (!isOver) {
      await page.page.keyboard.press('Shift');
      await pause(30);
    }
  })();
  await sending;
  const sentMs = performance.now() - beginMs;
  let counts = await page.counts();
  while (counts.activities < before.activities + 10_000 && performance.now() - beginMs < 20_000) {
    await pause(50);
    counts = await page.counts();
  }
  const shownMs = performance.now() - beginMs;
  isOver = true;
  await typing;
  const { inputs } = await page.read();
  await page.close();
  const worst = Math.max(...inputs);
  return [
    {
      what: 'burst of 10,000: input delay, worst',
      value: worst,
      unit: 'ms',
      target: { sign: '≤', value: 100 },
      detail: `${inputs.length} keys; sent in ${Math.round(sentMs)} ms, shown after ${Math.round(shownMs)} ms`,
    },
    {
      what: 'burst of 10,000: counted',
      value: (counts.activities - before.activities) / 10_000,
      target: { sign: '≥', value: 1 },
      detail: `${counts.activities - before.activities} of 10,000`,
    },
  ];
}

async function scrolling(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage(`${url}/monitor/live`);
  await pause(500);
  // Two activities a row.
  await sendBurst(url, 20_000);
  let counts = await page.counts();
  for (let turn = 0; counts.rows < 10_000 && turn < 200; turn += 1) {
    await pause(50);
    counts = await page.counts();
  }
  await pause(1_000);
  await page.reset();
  const height = await page.scroll(4_000);
  const { frames } = await page.read();
  await page.close();
  const slow = frames.filter((ms) => ms > SLOW_FRAME_MS).length;
  const detail = `${counts.rows} rows, ${height} px high; longest frame ${Math.round(Math.max(...frames))} ms`;
  return [
    { what: 'scroll 10,000 rows: frames over 50 ms', value: slow, target: { sign: '≤', value: 0 }, detail },
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
  return rows.every(isMet);
}

function lineOf(row: Row): string {
  const value = `${row.value >= 100 ? row.value.toFixed(0) : row.value.toPrecision(3)}${row.unit ? ` ${row.unit}` : ''}`;
  const target = row.target === undefined ? '' : `${row.target.sign} ${row.target.value}`;
  const verdict = isMet(row) ? 'met' : 'MISSED';
  return `${row.what.padEnd(40)} ${value.padEnd(10)} ${target.padEnd(8)} ${verdict.padEnd(7)} ${row.detail}`;
}

process.exitCode = (await main()) ? 0 : 1;
