/**
 * One application that emits `rate` events a second. argv: Redis URL, feed, rate. Answers the parent's messages: `stats`
 * with its heap and counters, `end` with the counters after everything was flushed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { emitEvent } from '../src/sdk/emitter.ts';
import { createPublisher, registerPublisher } from '../src/sdk/publisher.ts';
import type { PublisherStats } from '../src/sdk/publisher-contract.ts';
import { eventData, SUMMARY } from './event.ts';

export interface MemoryReport {
  /** After a collection. */
  heapBytes: number;
  emits: number;
  stats: PublisherStats;
}

const [url = '', feed = '', rateText = '20000'] = process.argv.slice(2);
const publisher = createPublisher({ url, feed });
registerPublisher(publisher);
let emits = 0;
let running = true;

function report(): MemoryReport {
  globalThis.gc?.();
  return { heapBytes: process.memoryUsage().heapUsed, emits, stats: publisher.stats() };
}

process.on('message', async (message) => {
  if (message === 'end') {
    running = false;
    await publisher.flush();
  }
  process.send?.(report());
  if (message === 'end') await publisher.close().then(() => process.disconnect?.());
});

const startMs = performance.now();
while (running) {
  const due = Math.floor(((performance.now() - startMs) * Number(rateText)) / 1_000);
  for (; emits < due; emits++) {
    emitEvent('gateway.request_received', { summary: SUMMARY, severity: 'info', data: eventData(emits) });
  }
  await sleep(5);
}
