/**
 * The application of a fault row: a process of its own that calls emitEvent under steady load, as any user would, and
 * reports its figures. argv: JSON of AppOptions.
 */
import { emitEvent } from '../../../src/sdk/emitter.ts';
import { createPublisher } from '../../../src/sdk/publisher.ts';
import type { PublisherStats } from '../../../src/sdk/publisher-contract.ts';
import { registerPublisher } from '../../../src/sdk/publisher-registry.ts';
import { difference } from '../../sdk/support/reading.ts';
import { hostileCalls } from './hostile-calls.ts';

export interface AppOptions {
  url: string;
  feed: string;
  /** Events a second. */
  rate: number;
  queueCountMax: number;
  /** Bytes of text that every event carries besides. */
  paddingBytes: number;
  closeTimeoutMs: number;
}

export type AppCommand = 'start' | 'stop' | 'hostile' | 'close';

export interface AppReport {
  stats: PublisherStats;
  /** Largest `emitted - published - queued - Σ dropped` seen, looked at after every burst: must stay 0. */
  worstDifference: number;
  /** What emitEvent threw at its caller: must stay empty. */
  thrown: string[];
  /** Longest that one burst of calls held up the process, ms. */
  longestCallMs: number;
  state: 'idle' | 'loading' | 'stopped' | 'closed';
}

const TICK_MS = 5;
const REPORT_MS = 25;
const PADDING_CHUNK = 4_000;

const options = JSON.parse(process.argv[2] ?? '{}') as AppOptions;
const { url, feed, rate, queueCountMax, closeTimeoutMs, paddingBytes } = options;
const publisher = createPublisher({ url, feed, queueCountMax, closeTimeoutMs });
registerPublisher(publisher);
const padding: Record<string, string> = {};
for (let bytes = 0; bytes < paddingBytes; bytes += PADDING_CHUNK) padding[`pad${bytes}`] = 'x'.repeat(PADDING_CHUNK);

const report: AppReport = { stats: publisher.stats(), worstDifference: 0, thrown: [], longestCallMs: 0, state: 'idle' };
let index = 0;
let debt = 0;
let lastMs = 0;

function call(name: string, given: object): void {
  const startMs = performance.now();
  try {
    emitEvent(name, given);
  } catch (error) {
    report.thrown.push(String(error));
  }
  report.longestCallMs = Math.max(report.longestCallMs, performance.now() - startMs);
}

function burst(): void {
  const nowMs = performance.now();
  debt += ((nowMs - lastMs) * rate) / 1_000;
  lastMs = nowMs;
  for (; debt >= 1; debt -= 1) call('fault.load', { data: { index: index++, ...padding } });
  check();
}

function check(): void {
  report.stats = publisher.stats();
  const now = difference(report.stats);
  if (Math.abs(now) > Math.abs(report.worstDifference)) report.worstDifference = now;
}

let load: NodeJS.Timeout | undefined;

process.on('message', async (command: AppCommand) => {
  if (command === 'start') {
    lastMs = performance.now();
    load = setInterval(burst, TICK_MS);
    report.state = 'loading';
  }
  if (command === 'hostile') for (const { given, name } of hostileCalls()) call(name, given as object);
  if (command === 'stop' || command === 'close') {
    clearInterval(load);
    // One more: what was dropped before it is told with it, so that every hole has an end.
    call('fault.load', { data: { index: index++ } });
    if (command === 'close') await publisher.close();
    report.state = command === 'close' ? 'closed' : 'stopped';
  }
});
process.on('disconnect', () => process.exit(0));

setInterval(() => {
  check();
  process.send?.(report);
}, REPORT_MS);
