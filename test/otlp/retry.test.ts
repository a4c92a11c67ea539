import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FLATTEN_LIMITS, noCuts } from '../../src/activity/flatten.ts';
import { createRedactor } from '../../src/activity/redaction.ts';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import { type Chunk, createReceiver, type Published } from '../../src/otlp/receive.ts';
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

/** A receiver before a real log, which can be away from a chunk of the request on, or slow with it. */
function receiverBefore(bus: ReturnType<typeof createMemoryBus>) {
  const log = { takesChunks: Number.POSITIVE_INFINITY, slow: (_ordinal: number) => Promise.resolve() };
  const publish = async ({ activities, digest }: Chunk): Promise<Published> => {
    const ordinal = Number.parseInt(digest.slice(-8), 16);
    await log.slow(ordinal);
    if (ordinal >= log.takesChunks) return { failed: 'the log is away' };
    const { outcome } = await bus.append({ activities, digest });
    if (outcome !== 'appended' && outcome !== 'duplicate') throw new Error(outcome);
    return outcome;
  };
  const receiver = createReceiver({
    flatten: { limits: { ...FLATTEN_LIMITS }, redactor: createRedactor([]), counts: noCuts() },
    keepLive: false,
    nowUs: () => 1_763_684_557_000_001,
    heldBytesMax: 1e9,
    madeBytesMax: 1e9,
    publish,
  });
  return { log, receiver };
}

async function namesOn(bus: ReturnType<typeof createMemoryBus>): Promise<string[]> {
  const { entries } = await bus.range({ after: { ms: 0, n: 0 }, limit: 1_000 });
  return entries.map(({ json }) => (JSON.parse(json) as { name: string }).name);
}

describe('a request of which the log took only the beginning', () => {
  /** Six chunks. */
  const spans = Array.from({ length: 700 }, (_, index) => jsonSpan({ name: `span ${index}` }));
  const names = spans.map(({ name }) => name);
  const json = Buffer.from(jsonTraces(spans));
  const binary = encodeMessage('TracesRequest', {
    resourceSpans: [
      {
        scopeSpans: [
          { spans: spans.map((span) => ({ ...span, traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) })) },
        ],
      },
    ],
  });

  it.each(['json', 'protobuf'] as const)(
    'is not acknowledged, and sent again adds what is missing (%s)',
    async (encoding) => {
      const bus = createMemoryBus();
      const { log, receiver } = receiverBefore(bus);
      const bytes = encoding === 'json' ? json : binary;
      for (const takesChunks of [0, 2, 3]) {
        log.takesChunks = takesChunks;
        expect(await receiver.receive('traces', encoding, bytes)).toMatchObject({
          outcome: 'overload',
          message: 'the log is away',
        });
        expect(await namesOn(bus)).toEqual(names.slice(0, takesChunks * 128));
      }
      expect(receiver.counts()).toMatchObject({ spans: 0, activities: 384, duplicateChunks: 2, overloads: 3 });
      log.takesChunks = Number.POSITIVE_INFINITY;
      for (let time = 0; time < 2; time++) {
        expect(await receiver.receive('traces', encoding, bytes)).toEqual({ outcome: 'accepted', rejected: 0 });
        expect(await namesOn(bus)).toEqual(names);
      }
      expect(receiver.counts()).toMatchObject({ activities: 700, duplicateChunks: 2 + 3 + 6 });
      await bus.close();
    },
  );

  it('is acknowledged only when the log has answered for its last chunk', async () => {
    const bus = createMemoryBus();
    const { log, receiver } = receiverBefore(bus);
    let release = (): void => undefined;
    log.slow = (ordinal) =>
      new Promise((resolve) => {
        if (ordinal === 5) release = resolve;
        else resolve();
      });
    let answer: string | undefined;
    const receiving = receiver.receive('traces', 'json', json).then(({ outcome }) => {
      answer = outcome;
    });
    await until(async () => (await namesOn(bus)).length === 640);
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    expect(answer).toBeUndefined();
    release();
    await receiving;
    expect([answer, await namesOn(bus)]).toEqual(['accepted', names]);
    await bus.close();
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
