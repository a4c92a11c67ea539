import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { PRODUCER_LIFE_MS, SEEN_COUNT_MAX, SEEN_LIFE_MS } from '../../src/bus/append-request.ts';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { uniqueFeed } from '../support/redis.ts';
import { activities, activity, all, appended, expectContiguous, until, watch } from './harness.ts';

const digestOf = (i: number): string => i.toString(16).padStart(16, '0');

test('it keeps the newest within count, bytes and age, and grows beyond its first capacity', async () => {
  const counted = createMemoryBus({ countMax: 3_000 });
  for (let i = 0; i < 50; i++) await appended(counted, { activities: activities(128) });
  expect(await counted.info()).toMatchObject({ length: 3_000, first: { n: 3_401 }, last: { n: 6_400 } });
  const entries = await all(counted);
  expect(entries[0]?.position.n).toBe(3_401);
  expectContiguous(entries);

  const json = activity('x'.repeat(1_000));
  const bytes = createMemoryBus({ bytesMax: 10 * Buffer.byteLength(json) });
  for (let i = 0; i < 30; i++) await appended(bytes, { activities: [json] });
  expect(await bytes.info()).toMatchObject({ length: 10, first: { n: 21 } });

  let now = 1_000_000;
  const aged = createMemoryBus({ ageMaxMs: 1_000, now: () => now });
  await appended(aged, { activities: activities(2) });
  now += 600;
  await appended(aged, { activities: activities(2) });
  now += 600;
  expect(await aged.info()).toMatchObject({ length: 2, first: { n: 3 } });
  now += 600;
  expect(await aged.info()).toMatchObject({ length: 0, last: { n: 4 } });
  expect(await all(aged)).toEqual([]);
});

test('a wall clock that is set back does not take log time with it', async () => {
  let now = 1_000_000;
  const bus = createMemoryBus({ now: () => now });
  await appended(bus, { activities: activities(1) });
  now -= 10_000;
  await appended(bus, { activities: activities(1) });
  expect((await all(bus)).map(({ position }) => position)).toEqual([
    { ms: 1_000_000, n: 1 },
    { ms: 1_000_000, n: 2 },
  ]);
});

test('producers live 24 hours and digests 10 minutes, both within a bound', async () => {
  let now = 1_000_000;
  const bus = createMemoryBus({ now: () => now });
  const numbered = { activities: activities(1), producer: { id: 'p', batch: 1, acked: 0 } };
  const chunk = { activities: activities(1), digest: digestOf(0) };
  await appended(bus, numbered);
  await appended(bus, chunk);
  now += SEEN_LIFE_MS - 1;
  expect(await bus.append(chunk)).toEqual({ outcome: 'duplicate' });
  now += 1;
  await appended(bus, chunk);
  now += PRODUCER_LIFE_MS - SEEN_LIFE_MS - 1;
  expect(await bus.append(numbered)).toMatchObject({ outcome: 'duplicate' });
  now += 1;
  await appended(bus, numbered);

  const full = createMemoryBus();
  for (let i = 0; i <= SEEN_COUNT_MAX; i++) await full.append({ activities: [], digest: digestOf(i) });
  expect(await full.append({ activities: [], digest: digestOf(SEEN_COUNT_MAX) })).toEqual({ outcome: 'duplicate' });
  expect(await full.append({ activities: [], digest: digestOf(0) })).toMatchObject({ outcome: 'appended' });
});

test('a subscriber that is overrun is told, and goes on at the oldest entry that is left', async () => {
  const bus = createMemoryBus({ countMax: 100 });
  const watcher = await watch(bus);
  // All in one turn, so that nothing is delivered in between.
  const appends = Array.from({ length: 5 }, () => bus.append({ activities: activities(100) }));
  await Promise.all(appends);
  await until(() => watcher.entries.length === 100);
  expect(watcher.connected).toEqual([false, true]);
  expect(watcher.entries[0]?.position.n).toBe(401);
  expectContiguous(watcher.entries);
});

test('a subscriber runs in its own async context, not in that of whoever appends', async () => {
  const bus = createMemoryBus();
  const context = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  await context.run('reader', () =>
    bus.subscribe({ onEntry: () => void seen.push(context.getStore()), onConnected: () => undefined }),
  );
  await context.run('appender', () => bus.append({ activities: activities(1) }));
  await until(() => seen.length === 1);
  expect(seen).toEqual(['reader']);
});

test('one process shares the embedded log of a feed until its last user closes it', async () => {
  const feed = uniqueFeed();
  const first = await openBus({ url: 'memory:', feed, logCountMax: 200 });
  const second = await openBus({ url: 'memory:', feed, logCountMax: 300 });
  const other = await openBus({ url: 'memory:', feed: uniqueFeed() });
  expect(first.status().warnings).toEqual([]);
  expect(second.status().warnings.join()).toMatch(/countMax 200, which stays; 300/);
  const watcher = await watch(second);
  const { last } = await appended(first, { activities: activities(2) });
  await until(() => watcher.entries.length === 2);
  expect(await all(other)).toEqual([]);
  const { epoch } = await first.info();
  await first.close();
  await first.close();
  expect(await all(second)).toHaveLength(2);
  await second.close();
  const again = await openBus({ url: 'memory:', feed });
  const info = await again.info();
  expect(info.length).toBe(0);
  expect(info.epoch).toBeGreaterThan(last.ms);
  expect(info.epoch).toBeGreaterThan(epoch);
  for (const bus of [again, other]) await bus.close();
});
