/**
 * One process of the soak, driven over IPC: `server <redis url> <feed>` or `app <redis url> <feed> <events/s>`. Answers
 * every message with a sample of itself; `stop` ends the load and flushes first.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { emitEvent } from '../src/sdk/emitter.ts';
import { createPublisher } from '../src/sdk/publisher.ts';
import type { PublisherStats } from '../src/sdk/publisher-contract.ts';
import { registerPublisher } from '../src/sdk/publisher-registry.ts';
import { createServer } from '../src/server/server.ts';
import { eventData, SUMMARY } from './event.ts';
import { LANES } from './soak-readers.ts';

export interface ProcessSample {
  /** After a full collection; with what lies outside the heap and belongs to it, buffers above all. */
  heapBytes: number;
  rssBytes: number;
  descriptors: number;
  /** User and system, since the last sample, as a share of one core. */
  cpuShare: number;
  url?: string;
  stats?: PublisherStats;
}

/** A timer is rarely due more exactly than this on a busy machine. */
const TICK_MS = 5;

const [role, url = '', feed = '', rateText = '0'] = process.argv.slice(2);
let used = process.cpuUsage();
let usedAtMs = performance.now();

async function sample(): Promise<ProcessSample> {
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc?.();
    await sleep(20);
  }
  const cpu = process.cpuUsage(used);
  const elapsedMs = performance.now() - usedAtMs;
  used = process.cpuUsage();
  usedAtMs = performance.now();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heapBytes: heapUsed + external,
    rssBytes: rss,
    descriptors: readdirSync('/proc/self/fd').length,
    cpuShare: (cpu.user + cpu.system) / 1_000 / elapsedMs,
  };
}

async function runServer(): Promise<void> {
  const server = await createServer({ url, feed, port: 0 });
  process.on('message', async () => process.send?.({ ...(await sample()), url: server.url }));
}

function runApp(): void {
  const rate = Number(rateText);
  const publisher = createPublisher({ url, feed, service: 'soak', closeTimeoutMs: 30_000 });
  registerPublisher(publisher);
  let sent = 0;
  let startMs = 0;
  const timer = setInterval(() => {
    if (startMs === 0) return;
    const due = Math.floor(((performance.now() - startMs) * rate) / 1_000);
    for (; sent < due; sent += 1) {
      const data = { ...eventData(sent), index: sent, lane: sent % LANES };
      emitEvent('gateway.request_received', { summary: SUMMARY, data });
    }
  }, TICK_MS);
  process.on('message', async (message) => {
    if (message === 'start') startMs = performance.now();
    if (message === 'stop') {
      clearInterval(timer);
      await publisher.flush();
    }
    process.send?.({ ...(await sample()), stats: publisher.stats() });
  });
}

if (role === 'server') await runServer();
else if (role === 'app') runApp();
process.on('disconnect', () => process.exit(0));
