import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { formatCursor } from '../../src/activity/cursor.ts';
import { PRODUCER_LIFE_MS, SEEN_COUNT_MAX, SEEN_LIFE_MS } from '../../src/bus/append-request.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { createRedisBus } from '../../src/bus/redis-bus.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { activities, activity, all, appended, expectContiguous, failed, until, watch } from './harness.ts';

// What the script must withstand: others who write, delete and refuse in the same Redis.
let redis: RedisServer;
const opened: Bus[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const bus of opened.splice(0)) await bus.close();
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
});
afterAll(() => redis.stop());

async function open(
  feed = uniqueFeed(),
  retention = { countMax: 100_000, ageMaxMs: 0 },
  url = redis.url,
): Promise<{ bus: Bus; feed: string; meta: string }> {
  const bus = createRedisBus({ url, feed, retention, keepAlive: true });
  opened.push(bus);
  await bus.ready();
  return { bus, feed, meta: `{${feed}}:meta` };
}

test('redis-cli reads the same activities, and the live message has the cursor first', async () => {
  const { bus, feed } = await open();
  const messages: string[] = [];
  const watcher = await watch(bus);
  const { last } = await appended(bus, { activities: [activity('one')] });
  const [id, field, json] = (await redis.cli('XREVRANGE', feed, '+', '-', 'COUNT', '1')).split('\n');
  expect([id, field, json]).toEqual([formatCursor(last), 'activity', activity('one')]);
  await until(() => watcher.entries.length === 1);
  const raw = createRedisBus({ url: redis.url, feed, retention: { countMax: 1_000, ageMaxMs: 0 }, keepAlive: true });
  opened.push(raw);
  await raw.ready();
  const plain = new Redis(redis.port, '127.0.0.1');
  try {
    await plain.subscribe(feed);
    plain.on('message', (_channel: string, message: string) => messages.push(message));
    const { last: next } = await appended(raw, { activities: [activity('two')] });
    await until(() => messages.length === 1);
    expect(messages[0]).toBe(`{"cursor":"${formatCursor(next)}",${activity('two').slice(1)}`);
  } finally {
    plain.disconnect();
  }
});

test('foreign entries do not disturb the numbers, and are skipped and counted', async () => {
  const { bus, feed } = await open();
  await redis.cli('XADD', feed, '*', 'junk', '1');
  await appended(bus, { activities: activities(2) });
  await redis.cli('XADD', feed, '*', 'junk', '2');
  await redis.cli('XADD', feed, '*', 'activity', '{"looks":"like ours"}');
  await appended(bus, { activities: activities(2) });
  const page = await bus.range({ limit: 1_000 });
  expectContiguous(page.entries);
  expect(page.entries.map(({ position }) => position.n)).toEqual([1, 2, 3, 4]);
  expect(page.skipped).toBe(3);
  const first = await bus.range({ limit: 1 });
  expect(first).toMatchObject({ entries: [], skipped: 1 });
  expect((await bus.range({ limit: 1, ...(first.next ? { after: first.next } : {}) })).entries[0]?.position.n).toBe(1);
  expect((await bus.info()).first).toEqual(page.entries[0]?.position);
});

test('after an id in the future time goes on from it and still never goes back', async () => {
  const { bus, feed } = await open();
  await appended(bus, { activities: activities(1) });
  const futureMs = Date.now() + 3_600_000;
  await redis.cli('XADD', feed, `${futureMs}-7`, 'junk', '1');
  const { first, last } = await appended(bus, { activities: activities(8) });
  expect(first).toEqual({ ms: futureMs + 1, n: 2 });
  expect(await appended(bus, { activities: activities(1) })).toMatchObject({
    first: { ms: futureMs + 1, n: last.n + 1 },
  });
  expectContiguous(await all(bus));
});

test('an id after which none can follow is refused with a sentence that names the stream', async () => {
  const { bus, feed } = await open();
  await appended(bus, { activities: activities(1) });
  await redis.cli('XADD', feed, '18446744073709551615-18446744073709551615', 'junk', '1');
  const { code, message, applied } = await failed(bus, { activities: activities(1) });
  expect({ code, applied }).toEqual({ code: 'log_refused', applied: 'no' });
  expect(message).toContain(`DEL ${feed}`);
  // Pages get past it in both directions.
  expect((await bus.range({ limit: 1, order: 'desc' })).next).toEqual({
    ms: Number.MAX_SAFE_INTEGER,
    n: Number.MAX_SAFE_INTEGER,
  });
  await expect(bus.info()).rejects.toMatchObject({ code: 'log_refused' });
});

test('without meta the numbers go on from the stream, under a new epoch greater than any time of the old log', async () => {
  const { bus, meta } = await open();
  const before = await appended(bus, { activities: activities(5) });
  const { epoch } = await bus.info();
  for (const damage of [
    ['DEL', meta],
    ['HDEL', meta, 'n'],
    ['HDEL', meta, 'epoch'],
  ]) {
    const { last: old } = await bus.info();
    await redis.cli(...damage);
    const { first } = await appended(bus, { activities: activities(1) });
    const info = await bus.info();
    expect(first.n).toBe(old.n + 1);
    expect(info.epoch).toBeGreaterThan(old.ms);
    expect(first.ms).toBeGreaterThanOrEqual(info.epoch);
  }
  expect((await bus.info()).epoch).toBeGreaterThan(epoch);
  expect((await bus.info(before.last)).probe).toBe('present');
  expectContiguous(await all(bus));
});

test('a look at a log that lost its meta begins the same new epoch as an append', async () => {
  const { bus, meta } = await open();
  const { last } = await appended(bus, { activities: activities(5) });
  await redis.cli('DEL', meta);
  const info = await bus.info();
  expect(info.epoch).toBeGreaterThan(last.ms);
  expect(info.last).toEqual({ ms: info.epoch, n: last.n });
  expect((await appended(bus, { activities: activities(1) })).first.n).toBe(last.n + 1);
  expect((await bus.info()).epoch).toBe(info.epoch);
});

test('a deleted stream loses entries but no numbers, so the loss can be counted', async () => {
  const { bus, feed } = await open();
  const { last } = await appended(bus, { activities: activities(5) });
  const { epoch } = await bus.info();
  await redis.cli('DEL', feed);
  const { first } = await appended(bus, { activities: activities(1) });
  expect(first.n).toBe(last.n + 1);
  expect(first.ms).toBeGreaterThanOrEqual(last.ms);
  expect((await bus.info()).epoch).toBe(epoch);
});

test('FLUSHALL under load: every new epoch is greater than any time before it, numbers begin at 1 again', async () => {
  const { bus } = await open();
  const watcher = await watch(bus);
  let running = true;
  const load = Promise.all(
    [1, 2, 3, 4].map(async () => {
      while (running) await appended(bus, { activities: activities(2) });
    }),
  );
  for (let i = 1; i <= 5; i++) {
    const seen = watcher.entries.length;
    await until(() => watcher.entries.length > seen + 20);
    await redis.cli('FLUSHALL');
  }
  running = false;
  await load;
  const { last } = await appended(bus, { activities: activities(1) });
  await until(() => watcher.entries.at(-1)?.position.n === last.n);
  let flushes = 0;
  for (const [i, { position }] of watcher.entries.entries()) {
    const previous = watcher.entries[i - 1]?.position;
    if (previous === undefined || position.n === previous.n + 1) continue;
    flushes++;
    expect(position.n).toBe(1);
    expect(position.ms).toBeGreaterThan(previous.ms);
  }
  expect(flushes).toBe(5);
});

test('a log that is lost while its time stood in the future begins after it', async () => {
  const { bus, feed } = await open();
  await redis.cli('XADD', feed, `${Date.now() + 3_600_000}-1`, 'junk', '1');
  const { last } = await appended(bus, { activities: activities(1) });
  await redis.cli('FLUSHALL');
  expect((await appended(bus, { activities: activities(1) })).first.ms).toBeGreaterThan(last.ms);
  expect((await bus.info()).epoch).toBeGreaterThan(last.ms);
});

test('scripts that Redis forgot are loaded again, in order, with four batches in flight', async () => {
  const { bus } = await open();
  const sent: string[] = [];
  for (let batch = 1; batch <= 40; batch += 4) {
    await redis.cli('SCRIPT', 'FLUSH');
    const requests = [0, 1, 2, 3].map((i) => {
      const json = activity();
      sent.push(json);
      return { activities: [json], producer: { id: 'p', batch: batch + i, acked: batch - 1 } };
    });
    for (const result of await Promise.all(requests.map((request) => bus.append(request)))) {
      expect(result.outcome).toBe('appended');
    }
  }
  expect((await all(bus)).map(({ json }) => json)).toEqual(sent);
  await redis.cli('SCRIPT', 'FLUSH');
  await bus.info();
  await redis.cli('SCRIPT', 'FLUSH');
  await bus.sweepInstances(1_000);
});

test('where PUBLISH is refused, entries are logged once, the refusal is told, and nothing is raised', async () => {
  await redis.cli('ACL', 'SETUSER', 'mute', 'on', '>x', '~*', 'resetchannels', '+@all');
  const { bus } = await open(uniqueFeed(), undefined, redis.url.replace('//', '//mute:x@'));
  const request = { activities: activities(3), producer: { id: 'p', batch: 1, acked: 0 } };
  expect((await appended(bus, request)).unpublished).toBe(3);
  expect(await bus.append(request)).toMatchObject({ outcome: 'duplicate' });
  expect(await all(bus)).toHaveLength(3);
  expect(bus.status().warnings.join()).toMatch(/refuses to PUBLISH/);
  await expect(watch(bus)).rejects.toMatchObject({
    code: 'log_refused',
    message: expect.stringContaining('SUBSCRIBE'),
  });
});

test('a producer whose key was lost goes on after what it knows to be applied', async () => {
  const { bus, feed } = await open();
  const key = `{${feed}}:producer:p`;
  for (const batch of [1, 2, 3])
    await appended(bus, { activities: activities(1), producer: { id: 'p', batch, acked: batch - 1 } });
  const ttlMs = Number(await redis.cli('PTTL', key));
  expect(ttlMs).toBeGreaterThan(PRODUCER_LIFE_MS - 60_000);
  expect(ttlMs).toBeLessThanOrEqual(PRODUCER_LIFE_MS);
  await redis.cli('DEL', key);
  expect(await bus.append({ activities: activities(1), producer: { id: 'p', batch: 5, acked: 3 } })).toEqual({
    outcome: 'out_of_order',
    last: 3,
  });
  await appended(bus, { activities: activities(1), producer: { id: 'p', batch: 4, acked: 3 } });
  expect(await redis.cli('HGET', key, 'last')).toBe('4');
});

test('digests are forgotten after ten minutes and never more than the bound', async () => {
  const { bus, feed } = await open();
  const seen = `{${feed}}:seen`;
  const digest = '00112233445566778899aabbccddeeff';
  await appended(bus, { activities: activities(1), digest });
  const now = Number(await redis.cli('ZSCORE', seen, digest));
  await redis.cli('ZADD', seen, String(now - SEEN_LIFE_MS - 1), digest);
  await appended(bus, { activities: activities(1), digest });
  await redis.cli('ZADD', seen, String(now - SEEN_LIFE_MS - 1), 'old');
  const fill = `for i = 1, ${SEEN_COUNT_MAX + 50} do redis.call('ZADD', KEYS[1], ARGV[1], i) end`;
  await redis.cli('EVAL', fill, '1', seen, String(now));
  await appended(bus, { activities: activities(1), digest: 'ff112233445566778899aabbccddeeff' });
  expect(Number(await redis.cli('ZCARD', seen))).toBe(SEEN_COUNT_MAX);
  expect(await redis.cli('ZSCORE', seen, 'old')).toBe('');
});

test('a foreign key type under one of our names is named, and nothing is written', async () => {
  for (const [what, request] of [
    ['meta', { activities: activities(1) }],
    ['producer:p', { activities: activities(1), producer: { id: 'p', batch: 1, acked: 0 } }],
    ['seen', { activities: activities(1), digest: '00112233445566778899aabbccddeeff' }],
    ['instances', { activities: activities(1), instance: { name: 'a', sign: 'started' as const } }],
    ['services', { activities: activities(1), instance: { name: 'a', sign: 'started' as const } }],
  ] as const) {
    const { bus, feed } = await open();
    const key = `{${feed}}:${what}`;
    await redis.cli('RPUSH', key, 'not ours');
    const { code, message, applied } = await failed(bus, request);
    expect({ code, applied }).toEqual({ code: 'log_refused', applied: 'no' });
    expect(message).toContain(`the key ${key} `);
    expect(await redis.cli('EXISTS', feed)).toBe('0');
  }
  const { bus, feed } = await open();
  await redis.cli('SET', feed, 'not ours');
  expect((await failed(bus, { activities: activities(1) })).message).toContain(`the key ${feed} `);
  const late = createRedisBus({ url: redis.url, feed, retention: { countMax: 100, ageMaxMs: 0 }, keepAlive: true });
  opened.push(late);
  await expect(late.ready()).rejects.toMatchObject({ code: 'log_refused', message: expect.stringContaining(feed) });
});

test('a full Redis refuses the whole batch, and takes it when there is room again', async () => {
  const { bus } = await open();
  const request = { activities: activities(3), producer: { id: 'p', batch: 1, acked: 0 } };
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  expect(await failed(bus, request)).toMatchObject({ code: 'log_full', applied: 'no' });
  expect(bus.status()).toMatchObject({ connected: true, problem: { code: 'log_full' } });
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  await appended(bus, request);
  expect(bus.status()).toEqual({ connected: true, warnings: [] });
  expect(await all(bus)).toHaveLength(3);
});

test('the log is trimmed by count and by age, never below what was asked to be kept', async () => {
  const { bus } = await open(uniqueFeed(), { countMax: 300, ageMaxMs: 0 });
  for (let i = 0; i < 10; i++) await appended(bus, { activities: activities(128) });
  const { length, last, first } = await bus.info();
  expect(length).toBeGreaterThanOrEqual(300);
  expect(length).toBeLessThan(600);
  expect((first?.n ?? 0) + length - 1).toBe(last.n);

  const aged = await open(uniqueFeed(), { countMax: 100_000, ageMaxMs: 1 });
  for (let i = 0; i < 5; i++) await appended(aged.bus, { activities: activities(128) });
  // Nothing is appended any more: the turn of the watch trims.
  await until(async () => {
    await aged.bus.sweepInstances(60_000);
    return (await aged.bus.info()).length < 200;
  });
});

test('another database has a channel of its own', async () => {
  const feed = uniqueFeed();
  const zero = await open(feed);
  const two = await open(feed, undefined, `${redis.url}/2`);
  const [inZero, inTwo] = [await watch(zero.bus), await watch(two.bus)];
  await appended(two.bus, { activities: activities(1) });
  await appended(zero.bus, { activities: activities(2) });
  await until(() => inZero.entries.length === 2 && inTwo.entries.length === 1);
  await redis.cli('PUBLISH', `${feed}@2`, 'not ours');
  await until(() => inTwo.foreign === 1);
  expect(inZero.foreign).toBe(0);
});
