import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '../test/support/redis.ts';
import { drawGrowth } from './growth-chart.ts';
import { type Bench, measure, type Row } from './harness.ts';
import type { ReplayResult } from './replay-process.ts';
import type { FanOutResult } from './sse-process.ts';

const READERS = [1, 10, 100, 1_000];
const FILTERS = [1, 10, 100];
const FILTER_READERS = 100;
const LOAD_READERS = 10;
const P99_HELD_MS = 80;

export interface Point {
  x: number;
  y: number;
}

export const growth: Bench = {
  name: 'growth',
  title: 'How it grows',
  async run({ isQuick, say }) {
    const seconds = isQuick ? 1 : 4;
    const fanOut = (readers: number, rate: number, filters = 0) => {
      say(`growth: ${readers} readers, ${rate}/s, ${filters} filters`);
      return measure<FanOutResult>('sse-process.ts', ['fan-out', ...[readers, rate, seconds, filters].map(String)]);
    };
    const byReaders: Point[] = [];
    for (const x of isQuick ? [1, 1_000] : READERS) byReaders.push({ x, y: (await fanOut(x, 1_000)).frameUs * x });
    const byFilters: Point[] = [];
    const evaluations: Row[] = [];
    for (const x of isQuick ? [1, 100] : FILTERS) {
      const result = await fanOut(FILTER_READERS, 1_000, x);
      byFilters.push({ x, y: result.frameUs * FILTER_READERS });
      evaluations.push({
        what: `filter evaluations an activity ÷ distinct filters, ${FILTER_READERS} readers of ${x}`,
        value: result.evaluations / x,
        target: { sign: '≤', value: 1 },
        detail: `${result.evaluations.toFixed(2)} an activity`,
      });
    }
    const replays = await replayRows(isQuick, say);
    const { highest, latencies } = await underLoad(isQuick, fanOut);
    const byLoad = latencies.map(({ share, result }) => ({ x: share * 100, y: result.p50Ms }));
    if (!isQuick)
      await writeFile(join(import.meta.dirname, 'growth.svg'), drawGrowth({ byReaders, byFilters, byLoad }));
    const cpu =
      (what: string) =>
      ({ x, y }: Point): Row => ({
        what: `CPU an activity, ${x} ${what}`,
        value: y,
        unit: 'µs',
        detail: what.startsWith('reader')
          ? `${(y / x).toFixed(2)} µs a frame, at 1000/s`
          : `${(y / FILTER_READERS).toFixed(2)} µs a frame, at 1000/s`,
      });
    return [
      ...byReaders.map(cpu('readers of one filter')),
      ...byFilters.map(cpu(`distinct filters among ${FILTER_READERS} readers`)),
      ...evaluations,
      ...replays,
      ...latencies.map(({ share, result }) => ({
        what: `p50 at ${share * 100} % of the highest rate held (${highest}/s to ${LOAD_READERS} readers)`,
        value: result.p50Ms,
        unit: 'ms',
        detail: `p99 ${result.p99Ms.toFixed(1)} ms, ${(result.deliveredShare * 100).toFixed(0)} % delivered`,
      })),
    ];
  },
};

async function replayRows(isQuick: boolean, say: (line: string) => void): Promise<Row[]> {
  const entries = isQuick ? 10_000 : 100_000;
  const redis = await startRedis();
  try {
    const rows: Row[] = [];
    for (const readers of [1, 100]) {
      say(`growth: ${readers} readers replay ${entries} entries`);
      const args = [String(readers), String(entries), redis.url, 'livespan:bench-replay'];
      const { cpuMs, liveMs, slowestMs, redisCommands } = await measure<ReplayResult>('replay-process.ts', args);
      rows.push({
        what: `replay of ${entries} entries, ${readers} at once: time until live`,
        value: liveMs,
        unit: 'ms',
        detail: `slowest ${slowestMs.toFixed(0)} ms, ${((cpuMs * 1_000) / readers / entries).toFixed(2)} µs CPU a frame, ${(redisCommands / readers).toFixed(1)} Redis commands a reader`,
      });
    }
    return rows;
  } finally {
    await redis.stop();
  }
}

/** Doubles the rate until it is not held (all delivered, p99 within the limit), and goes back to shares of the last one. */
async function underLoad(isQuick: boolean, fanOut: (readers: number, rate: number) => Promise<FanOutResult>) {
  let highest = 1_000;
  for (let rate = 4_000; rate <= (isQuick ? 4_000 : 64_000); rate *= 2) {
    const { deliveredShare, p99Ms } = await fanOut(LOAD_READERS, rate);
    if (deliveredShare < 1 || p99Ms > P99_HELD_MS) break;
    highest = rate;
  }
  const latencies: { share: number; result: FanOutResult }[] = [];
  for (const share of [0.1, 0.5, 0.9]) latencies.push({ share, result: await fanOut(LOAD_READERS, highest * share) });
  return { highest, latencies };
}
