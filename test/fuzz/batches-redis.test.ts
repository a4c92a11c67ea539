import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AppendRequest } from '../../src/bus/bus.ts';
import { createRedisBus } from '../../src/bus/redis-bus.ts';
import { type BatchContent, countOf } from '../../src/sdk/batch.ts';
import { BatchSender } from '../../src/sdk/batch-sender.ts';
import { busTarget, type Target, type TargetResult } from '../../src/sdk/target.ts';
import { cases } from '../support/cases.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';

/** What happens to one call, or around it, on a real Redis behind a real network that fails on demand. */
const FATES = ['fine', 'fine', 'noscript', 'full', 'kill', 'cut', 'answer lost', 'twice', 'late'] as const;
type Fate = (typeof FATES)[number];

let redis: RedisServer;
let proxy: FaultProxy;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedis();
  proxy = await startFaultProxy(redis.port);
  admin = new Redis(redis.port, '127.0.0.1');
});
afterAll(async () => {
  admin.disconnect();
  await proxy.close();
  await redis.stop();
});

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Each runs while the call is under way: which of them Redis sees first is chance, and both orders must do. */
const AROUND: Partial<Record<Fate, () => Promise<unknown>>> = {
  noscript: () => admin.script('FLUSH'),
  kill: () => admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  cut: async () => {
    await turns(2);
    proxy.cut();
  },
  async full() {
    await admin.config('SET', 'maxmemory', '1');
    await turns(20);
    await admin.config('SET', 'maxmemory', '0');
  },
};

function faultyTarget(inner: Target, fates: readonly Fate[], open: Set<Promise<unknown>>): Target {
  let calls = 0;
  const call = async (request: AppendRequest): Promise<TargetResult> => {
    const fate = fates[calls++] ?? 'fine';
    if (fate === 'late') await turns(8);
    if (fate === 'answer lost') proxy.deafen();
    const around = AROUND[fate]?.();
    if (around !== undefined) open.add(around);
    const answer = inner.append(request);
    if (fate === 'twice') open.add(inner.append(request));
    if (fate === 'answer lost') {
      // Long enough for Redis to have applied it, mostly; then the connection is cut with the answer lost.
      await turns(50);
      proxy.heal();
    }
    return answer;
  };
  return { ...inner, append: call };
}

function contents(sizes: readonly number[]): BatchContent[] {
  let sequence = 0;
  return sizes.map((size) => {
    const firstSequence = sequence;
    const activities = Array.from({ length: size }, () => `{"n":${sequence++}}`);
    return { activities, notices: [], firstSequence, bytes: size * 9, sign: 'alive' };
  });
}

/** Sends everything, whatever happens on the way, and answers what the log holds in the end. */
async function send(sizes: readonly number[], fates: readonly Fate[]): Promise<{ settled: number; logged: number[] }> {
  const bus = createRedisBus({
    url: `redis://127.0.0.1:${proxy.port}`,
    feed: uniqueFeed(),
    retention: { countMax: 100_000, ageMaxMs: 0 },
    keepAlive: true,
    timeLimitMs: 1_000,
  });
  const open = new Set<Promise<unknown>>();
  const target = faultyTarget(busTarget(bus), fates, open);
  const queue = contents(sizes);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let settled = 0;
  await new Promise<void>((resolve) => {
    const settle = (count: number): void => {
      settled += count;
      if (settled >= total) resolve();
    };
    new BatchSender({
      producerId: 'p',
      open: async () => target,
      take: () => queue.shift(),
      onPublished: (content, rejected) => settle(countOf(content) - rejected.length),
      onRefused: (content) => settle(countOf(content)),
      backoffMinMs: 1,
      backoffMaxMs: 20,
    }).pump();
  });
  await Promise.all(open);
  while (!bus.status().connected) await bus.ready().catch(() => undefined);
  const logged: number[] = [];
  for (let after = { ms: 0, n: 0 } as { ms: number; n: number } | undefined; after !== undefined; ) {
    const page = await bus.range({ after, limit: 1_000 });
    logged.push(...page.entries.map(({ json }) => (JSON.parse(json) as { n: number }).n));
    after = page.next;
  }
  await bus.close();
  return { settled, logged };
}

test('numbered batches on a real Redis: each once and in order, whatever is lost, doubled, late, refused or cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 16 }),
      fc.array(fc.constantFrom(...FATES), { maxLength: 16 }),
      async (sizes, fates) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const { settled, logged } = await send(sizes, fates);
        expect(logged).toEqual(Array.from({ length: total }, (_, index) => index));
        expect(settled).toBe(total);
      },
    ),
    cases(12, 100),
  );
});
