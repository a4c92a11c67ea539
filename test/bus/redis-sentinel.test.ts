import { afterEach, expect, test } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { type FeedMessage, openFeed } from '../../src/feed/open-feed.ts';
import { createPublisher } from '../../src/sdk/publisher.ts';
import type { Publisher } from '../../src/sdk/publisher-contract.ts';
import { type RedisServer, startRedis, startSentinel, uniqueFeed } from '../support/redis.ts';
import { expectContiguous, until } from './harness.ts';

// A primary with a replica under a real sentinel; the first sentinel of the URL is not there.
const endings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function startGroup() {
  const first = await start([]);
  const second = await start(['--replicaof', '127.0.0.1', String(first.port)]);
  await until(async () => /master_link_status:up/.test(await second.cli('INFO', 'replication')));
  const sentinel = await startSentinel('main', first.port);
  endings.push(() => sentinel.stop());
  const replicas = async (): Promise<string> => sentinel.cli('SENTINEL', 'replicas', 'main');
  await until(async () => (await replicas()).includes(String(second.port)));
  return { first, second, sentinel, url: `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/main` };
}

async function start(args: string[]): Promise<RedisServer> {
  const redis = await startRedis({ args: ['--repl-diskless-sync-delay', '0', ...args] });
  endings.push(() => redis.stop());
  return redis;
}

/** How far the replication is. */
async function offsetOf(redis: RedisServer): Promise<string | undefined> {
  return /^(?:slave|master)_repl_offset:(\d+)/m.exec(await redis.cli('INFO', 'replication'))?.[1];
}

/** Emits numbered activities until it is stopped. */
function load(publisher: Publisher) {
  let next = 0;
  const timer = setInterval(() => publisher.publish({ name: 'a.b', attributes: { index: next++ } }), 2);
  return { stop: () => clearInterval(timer), count: () => next };
}

/** What a reader was told, in order. */
function follow(url: string, feed: string): FeedMessage[] {
  const leave = new AbortController();
  const told: FeedMessage[] = [];
  const reading = (async () => {
    for await (const message of openFeed({ url, feed, since: '0-0', signal: leave.signal })) told.push(message);
  })();
  endings.push(() => {
    leave.abort();
    return reading;
  });
  return told;
}

async function logged(bus: Bus): Promise<number[]> {
  const indexes: number[] = [];
  for (let page = await bus.range({ limit: 1_000 }); ; page = await bus.range({ limit: 1_000, after: page.next })) {
    expectContiguous(page.entries);
    for (const { json } of page.entries) indexes.push(Number(JSON.parse(json).attributes.index));
    if (page.next === undefined) return indexes;
  }
}

const indexOf = (message: FeedMessage): unknown =>
  message.type === 'activity' ? message.activity.attributes.index : message.type;

/** A server that changes its role closes its connections; whoever asks just then asks again. */
async function isPrimary(server: RedisServer): Promise<boolean> {
  const role = await server.cli('ROLE').catch((error: Error) => error.message);
  return role.startsWith('master');
}

test('a primary that dies: the log goes on at the next one, nothing is lost of what had reached it, nothing comes twice', async () => {
  const { first, second, sentinel, url } = await startGroup();
  const feed = uniqueFeed();
  const publisher = createPublisher({ url, feed });
  endings.push(() => publisher.close());
  const told = follow(url, feed);
  const before = load(publisher);
  await until(() => publisher.stats().published > 200);
  before.stop();
  await publisher.flush();
  await until(async () => (await offsetOf(first)) === (await offsetOf(second)));
  await first.kill();
  // Emitted while nobody can take it, also some whose answer is lost.
  for (let index = before.count(); index < before.count() + 300; index++) {
    publisher.publish({ name: 'a.b', attributes: { index } });
  }
  await until(() => isPrimary(second), 30_000);
  await until(() => publisher.stats().queued === 0, 30_000);
  const all = Array.from({ length: before.count() + 300 }, (_, index) => index);
  expect(publisher.stats()).toMatchObject({ emitted: all.length, published: all.length });
  const bus = await openBus({ url, feed, keepAlive: true });
  endings.push(() => bus.close());
  await bus.ready();
  expect(bus.description).toMatch(/^redis [\d.]+ at main by sentinel /);
  expect(await logged(bus)).toEqual(all);
  await until(() => told.length >= all.length);
  expect(told.map(indexOf)).toEqual(all);
  expect(await sentinel.cli('SENTINEL', 'get-master-addr-by-name', 'main')).toContain(String(second.port));
});

test('a failover by hand under load: what the log has it has once, and readers are told what it lost', async () => {
  const { second, sentinel, url } = await startGroup();
  const feed = uniqueFeed();
  const publisher = createPublisher({ url, feed });
  endings.push(() => publisher.close());
  const told = follow(url, feed);
  const emitting = load(publisher);
  await until(() => publisher.stats().published > 200);
  expect(await sentinel.cli('SENTINEL', 'failover', 'main')).toBe('OK');
  await until(() => isPrimary(second), 30_000);
  const { published } = publisher.stats();
  await until(() => publisher.stats().published > published + 500, 30_000);
  emitting.stop();
  await publisher.flush();
  const bus = await openBus({ url, feed, keepAlive: true });
  endings.push(() => bus.close());
  await bus.ready();
  const indexes = await logged(bus);
  // A primary that is taken out of service may lose what had not reached the next one (Redis Sentinel, "consistency").
  expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
  expect(indexes.at(-1)).toBe(emitting.count() - 1);
  // What came after the last word about another history is a piece of the log, without a repetition.
  await until(() => indexOf(told.at(-1) ?? { type: 'reset', cursor: '' }) === emitting.count() - 1);
  const shown = told
    .slice(told.findLastIndex(({ type }) => type === 'reset') + 1)
    .filter(({ type }) => type === 'activity');
  if (told.every(({ type }) => type === 'activity')) expect(shown.map(indexOf)).toEqual(indexes);
  expect(shown.map(indexOf)).toEqual(indexes.slice(indexes.length - shown.length));
});
