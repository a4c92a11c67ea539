import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { createLiveFeed, type LiveFeed } from '../../src/feed/live-feed.ts';
import { type FeedMessage, openFeed } from '../../src/feed/open-feed.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { activities } from './support/activities.ts';

let redis: RedisServer;
const endings: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function openLog(feed: string, url = redis.url, logCountMax = 100_000): Promise<Bus> {
  const bus = await openBus({ url, feed, logCountMax });
  endings.push(() => bus.close());
  await bus.ready(AbortSignal.timeout(20_000));
  return bus;
}

async function openLive(bus: Bus): Promise<LiveFeed> {
  const feed = createLiveFeed({ bus, idleCheckMs: 200 });
  endings.push(() => feed.close());
  await feed.start();
  return feed;
}

async function append(bus: Bus, from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 100) {
    const batch = activities(at, Math.min(100, from + count - at));
    await until(async () => (await bus.append({ activities: batch })).outcome === 'appended');
  }
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${String(condition)}`);
    await sleep(10);
  }
}

/** What the ring holds, in order: indexes of activities, `gap:<missed>`, `reset`. */
function told(feed: LiveFeed, from = feed.ring.tail): (number | string)[] {
  const all: (number | string)[] = [];
  for (let sequence = from; sequence < feed.ring.head; sequence++) {
    const slot = feed.ring.at(sequence);
    if (slot?.type === 'activity') all.push(Number(slot.activity.attributes.index));
    else if (slot?.type === 'gap') all.push(`gap:${slot.missed}`);
    else if (slot !== undefined) all.push(slot.type);
  }
  return all;
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('the live feed on Redis', () => {
  it('seeds the ring, follows live and skips what is foreign', async () => {
    const name = uniqueFeed();
    const bus = await openLog(name);
    await append(bus, 0, 250);
    const feed = await openLive(bus);
    expect(told(feed)).toEqual(range(0, 250));
    await redis.cli('XADD', name, '*', 'foreign', 'junk');
    await redis.cli('XADD', name, '*', 'activity', 'not JSON');
    await redis.cli('PUBLISH', name, 'hello');
    await redis.cli('PUBLISH', name, '{"cursor":"99999999999999-999999","id":"x"}');
    await append(bus, 250, 50);
    await until(() => told(feed).length >= 300);
    expect(told(feed)).toEqual(range(0, 300));
    await until(() => feed.status().foreign >= 2);
    expect(feed.status()).toMatchObject({ gaps: 0, resets: 0 });
  });

  it('reads back what a cut connection missed, without a hole', async () => {
    const name = uniqueFeed();
    const proxy = await startFaultProxy(redis.port);
    endings.push(() => proxy.close());
    const writer = await openLog(name);
    const feed = await openLive(await openLog(name, `redis://127.0.0.1:${proxy.port}`));
    for (let round = 0; round < 5; round++) {
      await append(writer, round * 300, 200);
      proxy.cut();
      await append(writer, round * 300 + 200, 100);
    }
    await until(() => told(feed).length >= 1_500);
    expect(told(feed)).toEqual(range(0, 1_500));
    await until(() => feed.status().connected);
  });

  it('notices a connection that is alive but deaf, and one that stalls', async () => {
    const name = uniqueFeed();
    const proxy = await startFaultProxy(redis.port);
    endings.push(() => proxy.close());
    const writer = await openLog(name);
    const feed = await openLive(await openLog(name, `redis://127.0.0.1:${proxy.port}`));
    await append(writer, 0, 100);
    await until(() => told(feed).length === 100);
    proxy.deafen();
    await append(writer, 100, 100);
    proxy.heal();
    await append(writer, 200, 100);
    await until(() => told(feed).length >= 300);
    proxy.stall();
    await append(writer, 300, 100);
    proxy.heal();
    await until(() => told(feed).length >= 400);
    expect(told(feed)).toEqual(range(0, 400));
  });

  it('counts exactly what was trimmed while it was away', async () => {
    const name = uniqueFeed();
    const proxy = await startFaultProxy(redis.port);
    endings.push(() => proxy.close());
    const writer = await openLog(name);
    const feed = await openLive(await openLog(name, `redis://127.0.0.1:${proxy.port}`));
    await append(writer, 0, 100);
    await until(() => told(feed).length === 100);
    proxy.stall();
    await append(writer, 100, 500);
    await redis.cli('XTRIM', name, 'MAXLEN', '20');
    proxy.cut();
    proxy.heal();
    await until(() => told(feed).at(-1) === 599);
    expect(feed.status().missed + told(feed).filter((one) => typeof one === 'number').length).toBe(600);
  });

  it('says reset after FLUSHALL and goes on with the new log', async () => {
    const name = uniqueFeed();
    const bus = await openLog(name);
    const feed = await openLive(bus);
    await append(bus, 0, 300);
    await until(() => told(feed).length === 300);
    await redis.cli('FLUSHALL');
    await append(bus, 1_000, 400);
    await until(() => told(feed).at(-1) === 1_399);
    expect(told(feed)).toEqual([...range(0, 300), 'reset', ...range(1_000, 400)]);
  });

  it.each([
    ['with all its data', ['--appendonly', 'yes', '--appendfsync', 'always'], []],
    ['with half of its data', [], ['reset']],
    ['without its data', [], ['reset']],
  ])('follows on after kill -9 and a restart %s', async (how, args, between) => {
    const own = await startRedis({ args });
    endings.push(() => own.stop());
    const bus = await openLog(uniqueFeed(), own.url);
    const feed = await openLive(bus);
    await append(bus, 0, 100);
    if (how.includes('half')) await own.cli('SAVE');
    await append(bus, 100, 100);
    await until(() => told(feed).length === 200);
    await own.kill();
    await until(() => !feed.status().connected);
    await own.restart();
    await until(() => bus.status().connected);
    await append(bus, 500, 100);
    await until(() => told(feed).at(-1) === 599);
    expect(told(feed)).toEqual([...range(0, 200), ...between, ...range(500, 100)]);
    await until(() => feed.status().connected);
  });

  it('opens one subscription for many readers, and none is left when they leave', async () => {
    const name = uniqueFeed();
    const bus = await openLog(name);
    await append(bus, 0, 100);
    const subscribers = async () => Number((await redis.cli('PUBSUB', 'NUMSUB', name)).split('\n')[1]);
    const clients = async () => (await redis.cli('CLIENT', 'LIST')).split('\n').length;
    const before = await clients();
    const readers = range(0, 20).map(() => openFeed({ url: redis.url, feed: name, since: '0-0' }));
    const read = async (reader: AsyncGenerator<FeedMessage>): Promise<number> => {
      let count = 0;
      for await (const message of reader) if (message.type === 'activity' && ++count === 300) break;
      return count;
    };
    const counts = Promise.all(readers.map(read));
    await until(async () => (await subscribers()) === 1);
    await append(bus, 100, 200);
    expect(await counts).toEqual(readers.map(() => 300));
    await until(async () => (await clients()) === before && (await subscribers()) === 0);
  });

  it('waits for a Redis that is not there yet', async () => {
    const late = await startRedis();
    endings.push(() => late.stop());
    await late.kill();
    const name = uniqueFeed();
    const reader = openFeed({ url: late.url, feed: name, since: '0-0' });
    const first = reader.next();
    await sleep(100);
    await late.restart();
    await append(await openLog(name, late.url), 0, 1);
    expect((await first).value).toMatchObject({ type: 'activity' });
    await reader.return();
  });
});

describe('a script that only reads', () => {
  it('lives until it leaves the feed, also while Redis is away, and then ends by itself', async () => {
    const name = uniqueFeed();
    const own = await startRedis({ args: ['--appendonly', 'yes'] });
    endings.push(() => own.stop());
    const source = `
      import { openFeed } from './src/feed/open-feed.ts';
      console.log('reading');
      for await (const message of openFeed({ url: '${own.url}', feed: '${name}', since: '0-0' })) {
        console.log(message.activity.attributes.index);
        if (message.activity.attributes.index === 2) break;
      }
      console.log('left');`;
    await own.kill();
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    endings.push(async () => void child.kill('SIGKILL'));
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    await until(() => stdout === 'reading\n');
    await sleep(500);
    expect(child.exitCode).toBeNull();
    await own.restart();
    const bus = await openLog(name, own.url);
    await append(bus, 0, 1);
    await until(() => stdout === 'reading\n0\n');
    await own.kill();
    await sleep(500);
    expect(child.exitCode).toBeNull();
    await own.restart();
    await append(bus, 1, 2);
    await until(() => child.exitCode !== null);
    expect([child.exitCode, stdout]).toEqual([0, 'reading\n0\n1\n2\nleft\n']);
  });
});
