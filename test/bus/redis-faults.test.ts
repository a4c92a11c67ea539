import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AppendResult, Bus } from '../../src/bus/bus.ts';
import { createRedisBus } from '../../src/bus/redis-bus.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { activities, activity, all, appended, expectContiguous, failed, until, watch } from './harness.ts';

// Faults of the server and of the connection, made for real.
let redis: RedisServer;
let bus: Bus;
let feed: string;

beforeEach(async () => {
  redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  feed = uniqueFeed();
  bus = createRedisBus({
    url: redis.url,
    feed,
    retention: { countMax: 100_000, ageMaxMs: 0 },
    keepAlive: true,
    timeLimitMs: 500,
    pingPeriodMs: 100,
  });
  await bus.ready();
});
afterEach(async () => {
  redis.resume();
  await bus.close();
  await redis.stop();
});

/** Resends until the log has it, as a publisher does. */
async function insist(request: {
  activities: string[];
  producer: { id: string; batch: number; acked: number };
}): Promise<AppendResult> {
  for (;;) {
    const result = await bus.append(request);
    if (result.outcome !== 'failed') return result;
    await until(() => bus.status().connected);
  }
}

test('killed with -9 and restarted with its data: the same epoch, the numbers go on, readers are told', async () => {
  const watcher = await watch(bus);
  const { last } = await appended(bus, { activities: activities(3) });
  const { epoch } = await bus.info();
  await redis.kill();
  await until(() => watcher.connected.length === 1 && !bus.status().connected);
  expect(await failed(bus, { activities: activities(1) })).toMatchObject({ code: 'log_unavailable', applied: 'no' });
  await expect(bus.range({ limit: 1 })).rejects.toMatchObject({ code: 'log_unavailable' });
  await redis.restart();
  await until(() => bus.status().connected && watcher.connected.length === 2);
  expect(watcher.connected).toEqual([false, true]);
  const { first } = await appended(bus, { activities: activities(1) });
  expect(first.n).toBe(last.n + 1);
  expect((await bus.info()).epoch).toBe(epoch);
  await until(() => watcher.entries.length === 4);
});

test('a stalled server: the append answers unknown in time, its connection is gone, and it is never applied twice', async () => {
  const request = { activities: activities(2), producer: { id: 'p', batch: 1, acked: 0 } };
  const id = await redis.cli('CLIENT', 'LIST', 'TYPE', 'normal');
  const port = /addr=127\.0\.0\.1:(\d+)[^\n]*cmd=/.exec(id)?.[1];
  redis.pause();
  expect(await failed(bus, request)).toMatchObject({ code: 'timeout', applied: 'unknown' });
  expect(bus.status().connected).toBe(false);
  redis.resume();
  await until(() => bus.status().connected);
  expect(await redis.cli('CLIENT', 'LIST')).not.toContain(`addr=127.0.0.1:${port} `);
  await insist(request);
  expect(await all(bus)).toHaveLength(2);
});

test('an append whose connection is cut answers unknown', async () => {
  redis.pause();
  const answer = failed(bus, { activities: activities(1) });
  await redis.kill();
  expect(await answer).toMatchObject({ code: 'log_unavailable', applied: 'unknown' });
});

test('an append that its caller gives up answers at once', async () => {
  redis.pause();
  const giveUp = new AbortController();
  const answer = failed(bus, { activities: activities(1), signal: giveUp.signal });
  giveUp.abort();
  expect(await answer).toMatchObject({ code: 'timeout', applied: 'unknown' });
});

test('closing while an append is under way answers closed', async () => {
  redis.pause();
  const answer = failed(bus, { activities: activities(1) });
  await bus.close();
  expect(await answer).toMatchObject({ code: 'closed', applied: 'unknown' });
});

test('a subscription that is alive but deaf is noticed and replaced', async () => {
  const watcher = await watch(bus);
  redis.pause();
  await until(() => watcher.connected.includes(false));
  redis.resume();
  await until(() => watcher.connected.at(-1) === true);
  await until(() => bus.status().connected);
  await appended(bus, { activities: activities(2) });
  await until(() => watcher.entries.length === 2);
});

test('a subscription that Redis cuts comes back by itself', async () => {
  const watcher = await watch(bus);
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until(() => watcher.connected.length === 2);
  await appended(bus, { activities: activities(1) });
  await until(() => watcher.entries.length === 1);
});

test('numbered batches, four in flight, under SCRIPT FLUSH, OOM and CLIENT KILL: each once and in order', async () => {
  const sent: string[] = [];
  let faults = 0;
  let running = true;
  const trouble = (async () => {
    const kinds = [
      ['SCRIPT', 'FLUSH'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['CONFIG', 'SET', 'maxmemory', '1'],
    ];
    for (; running; faults++) {
      await redis.cli(...(kinds[faults % kinds.length] ?? []));
      await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    }
  })();
  let acked = 0;
  while (acked < 80 || faults < 6) {
    const requests = [1, 2, 3, 4].map((i) => {
      const given = [activity(), activity()];
      return { activities: given, producer: { id: 'p', batch: acked + i, acked } };
    });
    // All four at once; after any failure those not yet applied again, in order.
    const results = await Promise.all(requests.map((request) => bus.append(request)));
    for (const [i, request] of requests.entries()) {
      if (results[i]?.outcome === 'failed' || results[i]?.outcome === 'out_of_order') await insist(request);
      sent.push(...request.activities);
    }
    acked += requests.length;
  }
  running = false;
  await trouble;
  await until(() => bus.status().connected);
  const entries = [];
  for (let next: { ms: number; n: number } | undefined = { ms: 0, n: 0 }; next !== undefined; ) {
    const page = await bus.range({ after: next, limit: 1_000 });
    entries.push(...page.entries);
    next = page.next;
  }
  expectContiguous(entries);
  expect(entries.map(({ json }) => json)).toEqual(sent);
});
