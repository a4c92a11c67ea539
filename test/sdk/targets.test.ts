import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { openBus } from '../../src/bus/open-bus.ts';
import { emitEvent } from '../../src/sdk/emitter.ts';
import { createPublisher, registerPublisher } from '../../src/sdk/publisher.ts';
import type { Publisher, PublisherOptions } from '../../src/sdk/publisher-contract.ts';
import { startRedis } from '../support/redis.ts';
import { answer, type Interference, startIngestServer } from './support/ingest-server.ts';
import { difference, readAll, uniqueFeed, until } from './support/reading.ts';

const open: { close(): Promise<void> }[] = [];

function publisherOf(options: PublisherOptions): Publisher {
  const publisher = createPublisher({ closeTimeoutMs: 20_000, ...options });
  open.push(publisher);
  return publisher;
}

async function serverOf(interfere?: Interference, token?: string) {
  const server = await startIngestServer({ ...(interfere && { interfere }), ...(token !== undefined && { token }) });
  open.push(server);
  return server;
}

function emitMany(publisher: Publisher, count: number, from = 0): void {
  for (let index = from; index < from + count; index += 1) publisher.publish({ name: 'a.b', attributes: { index } });
}

const range = (count: number): number[] => [...Array(count).keys()];

afterEach(async () => {
  registerPublisher(undefined);
  for (const thing of open.splice(0).reverse()) await thing.close();
});

describe('to a livespan server', () => {
  test('numbered batches on one kept connection, one at a time, with the token', async () => {
    const server = await serverOf(undefined, 'sesame-street');
    const publisher = publisherOf({ url: server.url, token: 'sesame-street', service: 'api', instance: 'api-1' });
    emitMany(publisher, 1_000);
    await publisher.close();
    expect(publisher.stats()).toMatchObject({ emitted: 1_000, published: 1_000, queued: 0 });
    const activities = (await readAll(server.bus)).filter(({ kind }) => kind === 'event');
    expect(activities.map(({ attributes }) => attributes.index)).toEqual(range(1_000));
    expect(server.bodies.map(({ batch }) => batch)).toEqual(range(server.bodies.length).map((index) => index + 1));
    expect(server.bodies.map(({ acked }) => acked)).toEqual(range(server.bodies.length));
    expect(server.bodies[0]).toMatchObject({ sign: 'started', instance: 'api-1', service: 'api' });
    expect(server.bodies.at(-1)).toMatchObject({ sign: 'stopped' });
    expect(Math.max(...server.bodies.map(({ activities: { length } }) => length))).toBe(128);
    expect(server.connections()).toBe(1);
    expect(server.headers[0]).not.toHaveProperty('traceparent');
  });

  test('a lost answer, a cut connection, an overload and a wrong order cost nothing', async () => {
    const server = await serverOf((body, response, count) => {
      if (count === 2) {
        // Applied, and the answer is lost.
        const { end } = response;
        response.end = (() => response.destroy()) as unknown as typeof end;
        return false;
      }
      if (count === 3) response.destroy();
      else if (count === 5) answer(response, 503, { code: 'log_unavailable', detail: 'away' });
      else if (count === 7) answer(response, 409, { code: 'out_of_order', last: (body.batch ?? 1) - 1 });
      else if (count === 9) answer(response, 502, 'no JSON of ours');
      else return false;
      return true;
    });
    const publisher = publisherOf({ url: server.url });
    emitMany(publisher, 1_500);
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ emitted: 1_500, published: 1_500, queued: 0 });
    const activities = await readAll(server.bus);
    expect(activities.map(({ attributes }) => attributes.index)).toEqual(range(1_500));
  });

  test('what the server rejects by index is dropped and told, the rest is published', async () => {
    const server = await serverOf((body, response, count) => {
      if (count !== 1) return false;
      const rejected = [{ index: 1, code: 'invalid_activity', message: 'made up' }];
      answer(response, 200, { accepted: body.activities.length - 1, rejected });
      return true;
    });
    const publisher = publisherOf({ url: server.url });
    emitMany(publisher, 3);
    await publisher.close();
    expect(publisher.stats()).toMatchObject({ emitted: 3, published: 2, dropped: { rejected: 1 } });
    expect((await readAll(server.bus)).map(({ name, attributes }) => [name, attributes])).toEqual([
      ['livespan.dropped', { 'livespan.dropped.total': 1, 'livespan.dropped.rejected': 1 }],
    ]);
  });

  test('an activity that makes the server refuse the batch is found and dropped alone', async () => {
    const server = await serverOf((body, response) => {
      const bad = body.activities.some((activity) =>
        Object.hasOwn((activity as { attributes: object }).attributes, 'bad'),
      );
      if (bad) answer(response, 400, { code: 'invalid_activity', detail: 'made up' });
      return bad;
    });
    const publisher = publisherOf({ url: server.url });
    emitMany(publisher, 10);
    publisher.publish({ name: 'a.bad', attributes: { bad: true } });
    emitMany(publisher, 10, 10);
    await publisher.close();
    expect(publisher.stats()).toMatchObject({ emitted: 21, published: 20, dropped: { rejected: 1 } });
    const events = (await readAll(server.bus)).filter(({ kind }) => kind === 'event');
    expect(events.map(({ attributes }) => attributes.index)).toEqual(range(20));
  });

  test('a server that never answers: close ends in time, and what was sent is unconfirmed', async () => {
    const server = await serverOf(() => true);
    const publisher = publisherOf({ url: server.url, closeTimeoutMs: 300 });
    emitMany(publisher, 200);
    const startMs = performance.now();
    await publisher.close();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(publisher.stats()).toMatchObject({ emitted: 200, published: 0, queued: 0 });
    expect(publisher.stats().dropped).toMatchObject({ unconfirmed: 128, closed: 72 });
  });

  test('a server that comes later gets what was kept, and the notice about the rest', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await until(() => probe.listening, 'a port');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const publisher = publisherOf({ url: `http://127.0.0.1:${port}`, queueCountMax: 500 });
    emitMany(publisher, 2_000);
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ emitted: 2_000, queued: 500, dropped: { queue_full: 1_500 } });
    const server = await startIngestServer({ port });
    open.push(server);
    await until(() => publisher.stats().queued === 0, 'the rest to be sent');
    const activities = await readAll(server.bus);
    const told = activities.filter(({ name }) => name === 'livespan.dropped');
    const sum = told.reduce((total, { attributes }) => total + Number(attributes['livespan.dropped.total']), 0);
    expect(sum).toBe(1_500);
    expect(difference(publisher.stats())).toBe(0);
    expect(activities.filter(({ kind }) => kind === 'event').at(-1)?.attributes.index).toBe(1_999);
  });

  test('a server that is not livespan loses nothing and is said', async () => {
    const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await until(() => server.listening, 'a port');
    const { port } = server.address() as AddressInfo;
    const publisher = publisherOf({ url: `http://127.0.0.1:${port}`, closeTimeoutMs: 500 });
    emitMany(publisher, 5);
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ queued: 5, published: 0 });
    await publisher.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('to Redis', () => {
  test('killed, stalled and emptied under load: sums stay exact, order is kept, every loss is told', async () => {
    const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    open.push({ close: () => redis.stop() });
    const feed = uniqueFeed();
    const publisher = publisherOf({ url: redis.url, feed, queueCountMax: 3_000 });
    registerPublisher(publisher);
    let next = 0;
    const burst = (): void => {
      for (let index = 0; index < 200; index += 1) emitEvent('a.b', { data: { index: next++ } });
      expect(difference(publisher.stats())).toBe(0);
    };
    const load = setInterval(burst, 5);
    const moved = (): Promise<void> => {
      const { published } = publisher.stats();
      return until(() => publisher.stats().published > published + 1_000, 'the log to move');
    };
    await moved();
    await redis.kill();
    await until(() => publisher.stats().dropped.queue_full > 0, 'drops');
    await redis.restart();
    await moved();
    redis.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    redis.resume();
    await moved();
    clearInterval(load);
    await publisher.flush();
    const { emitted, published, queued, dropped } = publisher.stats();
    expect(queued).toBe(0);
    expect(emitted).toBe(next);
    expect(published + dropped.queue_full).toBe(emitted);

    const bus = await openBus({ url: redis.url, feed });
    open.push(bus);
    await bus.ready();
    const activities = await readAll(bus);
    const events = activities.filter(({ kind }) => kind === 'event').map(({ attributes }) => Number(attributes.index));
    expect(events).toEqual([...new Set(events)].sort((a, b) => a - b));
    expect(events.length).toBe(published);
    // Each notice stands where the dropped ones would have stood, with exactly their number.
    let expected = 0;
    for (const { name, attributes } of activities) {
      if (name === 'livespan.dropped') expected += Number(attributes['livespan.dropped.total']);
      else expect(attributes.index).toBe(expected++);
    }
    expect(expected).toBe(emitted);
  });
});
