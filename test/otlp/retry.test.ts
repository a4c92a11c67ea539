import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import {
  call,
  type Doors,
  jsonLogs,
  jsonSpan,
  jsonTraces,
  openDoors,
  SPAN_ID,
  send,
  TRACE_EXPORT,
  TRACE_ID,
} from './doors.ts';
import { decodeMessage, encodeMessage } from './schema.ts';

const COUNT = 300;
const EVENTS = [{ name: 'one', timeUnixNano: '1763684557123456789' }, { name: 'two' }];

function manySpans(): object[] {
  return Array.from({ length: COUNT }, (_, index) =>
    jsonSpan({ name: `span ${index}`, events: index % 10 === 0 ? EVENTS : [] }),
  );
}

function binarySpans(): Buffer {
  const spans = manySpans().map((span) => ({
    ...span,
    traceId: Buffer.from(TRACE_ID, 'hex'),
    spanId: Buffer.from(SPAN_ID, 'hex'),
  }));
  return encodeMessage('TracesRequest', { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

/** 300 spans and the two events of every tenth. */
const ACTIVITIES = COUNT + 60;

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await condition()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error('did not come true in 20 s');
  }
}

describe('a request that is sent again', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it.each(['memory', 'redis'])('is on the feed once (%s)', async (kind) => {
    const url = kind === 'redis' ? redis.url : 'memory:';
    const doors = await openDoors({ url, feed: uniqueFeed() });
    const traces = jsonTraces(manySpans());
    const logs = jsonLogs(Array.from({ length: COUNT }, (_, index) => ({ body: { stringValue: `log ${index}` } })));
    for (let time = 0; time < 3; time++) {
      expect((await send(doors.http, traces)).status).toBe(200);
      expect((await send(doors.http, logs, {}, '/v1/logs')).status).toBe(200);
      expect((await call(doors.grpc, TRACE_EXPORT, binarySpans())).ok).toBe(true);
    }
    const items = await doors.items();
    expect(items).toHaveLength(2 * ACTIVITIES + COUNT);
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
    expect(await doors.counts()).toMatchObject({ activities: items.length, duplicateChunks: 2 * (3 + 3 + 3) });
  });

  it('is on the feed once over two servers that get it at the same time', async () => {
    const feed = uniqueFeed();
    const [first, second] = [await openDoors({ url: redis.url, feed }), await openDoors({ url: redis.url, feed })];
    const body = binarySpans();
    const answers = await Promise.all(
      [first, second, first, second, second, first].map((doors) => call(doors.grpc, TRACE_EXPORT, body)),
    );
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(await first.items()).toHaveLength(ACTIVITIES);
  });

  it('is one thing per bytes: the same spans in other bytes are others', async () => {
    const doors = await openDoors({ url: redis.url, feed: uniqueFeed() });
    await send(doors.http, jsonTraces([jsonSpan()]));
    await send(doors.http, `${jsonTraces([jsonSpan()])} `);
    const ids = (await doors.items()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('while the log is away', () => {
  async function expectOverload(doors: Doors): Promise<void> {
    const json = await send(doors.http, jsonTraces(manySpans()));
    expect([json.status, json.headers.get('retry-after')]).toEqual([503, '1']);
    expect(JSON.parse(json.body.toString())).toMatchObject({
      code: 14,
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' }],
    });
    const binary = await call(doors.grpc, TRACE_EXPORT, binarySpans());
    if (binary.ok) throw new Error('acknowledged while the log was away');
    expect(binary.code).toBe(14);
    const [details] = binary.metadata.get('grpc-status-details-bin');
    const status = decodeMessage('RpcStatus', details as Buffer) as { code: number; details: { value: Buffer }[] };
    expect(status.code).toBe(14);
    const retry = decodeMessage('RetryInfo', status.details[0]?.value ?? Buffer.alloc(0));
    expect(retry).toEqual({ retryDelay: { seconds: '1' } });
  }

  /** As a Collector does: the same bytes until they are taken. */
  async function sendUntilTaken(doors: Doors): Promise<void> {
    await until(async () => (await send(doors.http, jsonTraces(manySpans()))).status === 200);
    await until(async () => (await call(doors.grpc, TRACE_EXPORT, binarySpans())).ok);
  }

  it('overload is answered when Redis was killed; afterwards each item is there once', async () => {
    const redis = await startRedis();
    try {
      const doors = await openDoors({ url: redis.url, feed: uniqueFeed() });
      await redis.kill();
      await expectOverload(doors);
      expect((await doors.counts()).overloads).toBe(2);
      await redis.restart();
      await sendUntilTaken(doors);
      expect(await doors.items()).toHaveLength(2 * ACTIVITIES);
    } finally {
      await redis.stop();
    }
  });

  it('nothing is acknowledged while Redis hangs; afterwards each item is there once', async () => {
    const redis = await startRedis();
    try {
      const doors = await openDoors({ url: redis.url, feed: uniqueFeed() });
      redis.pause();
      const answer = send(doors.http, jsonTraces(manySpans()));
      const early = await Promise.race([answer.then(({ status }) => status), sleep(300, 'waiting' as const)]);
      expect([503, 'waiting']).toContain(early);
      redis.resume();
      expect([200, 503]).toContain((await answer).status);
      await sendUntilTaken(doors);
      expect(await doors.items()).toHaveLength(2 * ACTIVITIES);
    } finally {
      await redis.stop();
    }
  });

  it('a log that is full answers overload as well', async () => {
    const redis = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] });
    try {
      const doors = await openDoors({ url: redis.url, feed: uniqueFeed() });
      let status = 200;
      for (let index = 0; status === 200 && index < 200; index++) {
        status = (await send(doors.http, `${jsonTraces(manySpans())}${' '.repeat(index)}`)).status;
      }
      expect(status).toBe(503);
      await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
      await until(async () => (await send(doors.http, jsonTraces([jsonSpan()]))).status === 200);
    } finally {
      await redis.stop();
    }
  });
});
