import { afterEach, describe, expect, it } from 'vitest';
import type { Bus, BusEntry } from '../../src/bus/bus.ts';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import { createLiveFeed, type LiveFeed } from '../../src/feed/live-feed.ts';
import { until } from '../sse/stream-server.ts';
import { activities } from './support/activities.ts';

const COUNT = 200;
const PACE_MS = 5;
/** Far more often than in earnest: many checks fall into the time in which the feed is behind. */
const IDLE_CHECK_MS = 20;

let feed: LiveFeed;
let bus: Bus;
let lateness: NodeJS.Timeout;
afterEach(async () => {
  clearInterval(lateness);
  await feed.close();
  await bus.close();
});

/** A log whose live entries come one by one at a slow pace, as in a process with much else to do, or not at all. */
function deliverLate(isDeaf: () => boolean): Bus {
  const inner = createMemoryBus();
  return {
    ...inner,
    append: (request) => inner.append(request),
    range: (query) => inner.range(query),
    info: (probe) => inner.info(probe),
    status: () => inner.status(),
    ready: (signal) => inner.ready(signal),
    sweepInstances: (silentMs) => inner.sweepInstances(silentMs),
    close: () => inner.close(),
    async subscribe(listener) {
      const waiting: BusEntry[] = [];
      lateness = setInterval(() => {
        const entry = waiting.shift();
        if (entry !== undefined) listener.onEntry(entry);
      }, PACE_MS);
      return inner.subscribe({
        onConnected: (connected, error) => listener.onConnected(connected, error),
        onEntry(entry) {
          if (!isDeaf()) waiting.push(entry);
        },
      });
    },
  };
}

async function append(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 100) {
    await bus.append({ activities: activities(at, Math.min(100, from + count - at)) });
  }
}

describe('live entries that come late', () => {
  it('are waited for while some come: the log is not read as well', async () => {
    bus = deliverLate(() => false);
    feed = createLiveFeed({ bus, idleCheckMs: IDLE_CHECK_MS });
    await feed.start();
    await append(0, COUNT);
    await until(() => feed.ring.head === COUNT, 'everything live');
    expect(feed.status()).toMatchObject({ received: COUNT, repaired: 0, duplicates: 0 });
  });

  it('and that do not come at all are read from the log', async () => {
    let isDeaf = false;
    bus = deliverLate(() => isDeaf);
    feed = createLiveFeed({ bus, idleCheckMs: IDLE_CHECK_MS });
    await feed.start();
    await append(0, 10);
    await until(() => feed.ring.head === 10, 'the first');
    isDeaf = true;
    await append(10, 10);
    await until(() => feed.ring.head === 20, 'the rest, from the log');
    expect(feed.status()).toMatchObject({ repaired: 10 });
  });
});
