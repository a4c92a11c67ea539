import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { emitEvent } from '../../src/sdk/emitter.ts';
import { createPublisher, currentPublisher, registerPublisher } from '../../src/sdk/publisher.ts';
import type { Publisher, PublisherOptions } from '../../src/sdk/publisher-contract.ts';
import { difference, readAll, uniqueFeed, until } from './support/reading.ts';

let feed: string;
let bus: Bus;
const open: Publisher[] = [];

function publisherOf(options: PublisherOptions = {}): Publisher {
  const publisher = createPublisher({ url: 'memory:', feed, ...options });
  open.push(publisher);
  return publisher;
}

function emitted(activities: Activity[]): Activity[] {
  return activities.filter(({ kind }) => kind !== 'notice');
}

beforeEach(async () => {
  feed = uniqueFeed();
  bus = await openBus({ url: 'memory:', feed });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((publisher) => publisher.close()));
  registerPublisher(undefined);
  await bus.close();
});

describe('a publisher', () => {
  test('writes what it is given, in order, with its service and instance', async () => {
    const publisher = publisherOf({ service: 'api', instance: 'api-1', register: false });
    for (let index = 0; index < 1_000; index += 1) publisher.publish({ name: 'a.b', attributes: { index } });
    expect(publisher.stats()).toMatchObject({ emitted: 1_000, queued: 1_000, published: 0 });
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ emitted: 1_000, queued: 0, published: 1_000 });
    const activities = await readAll(bus);
    expect(activities.map(({ attributes }) => attributes.index)).toEqual([...Array(1_000).keys()]);
    expect(activities[0]).toMatchObject({ kind: 'event', severity: 'info', service: 'api', instance: 'api-1' });
    expect(new Set(activities.map(({ id }) => id)).size).toBe(1_000);
  });

  test('flushes by itself', async () => {
    publisherOf().publish({ name: 'a.b' });
    await until(async () => (await readAll(bus)).length === 1, 'the activity');
    publisherOf({ flushDelayMs: 5 }).publish({ name: 'a.b' });
    await until(async () => (await readAll(bus)).length === 2, 'the delayed activity');
  });

  test('keeps the newest and says how many of the oldest it dropped, where they would have been', async () => {
    const publisher = publisherOf({ queueCountMax: 200 });
    for (let index = 0; index < 1_000; index += 1) publisher.publish({ name: 'a.b', attributes: { index } });
    expect(publisher.stats()).toMatchObject({ emitted: 1_000, queued: 200, dropped: { queue_full: 800 } });
    await publisher.flush();
    const activities = await readAll(bus);
    expect(emitted(activities).map(({ attributes }) => attributes.index)).toEqual(
      Array.from({ length: 200 }, (_, index) => 800 + index),
    );
    expect(activities[0]).toMatchObject({
      kind: 'notice',
      name: 'livespan.dropped',
      severity: 'warn',
      attributes: { 'livespan.dropped.total': 800, 'livespan.dropped.queue_full': 800 },
    });
    expect(activities).toHaveLength(201);
    expect(difference(publisher.stats())).toBe(0);
  });

  test('bounds the bytes it holds', async () => {
    const publisher = publisherOf({ queueBytesMax: 65_536 });
    for (let index = 0; index < 100; index += 1) {
      publisher.publish({ name: 'a.b', attributes: { text: 'x'.repeat(3_000) } });
    }
    const { queued, dropped } = publisher.stats();
    expect(queued).toBeGreaterThan(5);
    expect(queued).toBeLessThan(20);
    expect(dropped.queue_full).toBe(100 - queued);
  });

  test('drops what is no activity, and says so after the ones before it', async () => {
    const publisher = publisherOf();
    publisher.publish({ name: 'good.first' });
    publisher.publish({ name: '' });
    publisher.publish({ name: 'bad.id', id: 'not-a-uuid' });
    publisher.publish(null as unknown as Activity);
    publisher.publish({
      get name(): string {
        throw new Error('made up');
      },
    });
    publisher.publish({ name: 'good.last' });
    await publisher.close();
    expect(publisher.stats()).toMatchObject({ emitted: 6, published: 2, queued: 0, dropped: { invalid: 4 } });
    const activities = await readAll(bus);
    expect(emitted(activities).map(({ name }) => name)).toEqual(['good.first', 'good.last']);
    expect(activities.find(({ name }) => name === 'livespan.dropped')?.attributes).toEqual({
      'livespan.dropped.total': 4,
      'livespan.dropped.invalid': 4,
    });
  });

  test('an activity that is too large is dropped alone', async () => {
    const publisher = publisherOf({ activityBytesMax: 2_048 });
    publisher.publish({ name: 'good.first' });
    publisher.publish({ name: 'too.large', summary: 'x'.repeat(3_000) });
    publisher.publish({ name: 'good.last' });
    await publisher.close();
    const names = (await readAll(bus)).map(({ name }) => name);
    expect(names).toEqual(['good.first', 'livespan.dropped', 'good.last']);
    expect(publisher.stats()).toMatchObject({ emitted: 3, published: 2, dropped: { too_large: 1 } });
  });

  test('cuts the texts beside the attributes, and counts them against its bound', async () => {
    const long = 'é'.repeat(100_000);
    const publisher = publisherOf({ queueBytesMax: 65_536 });
    for (let index = 0; index < 20; index += 1) {
      publisher.publish({ name: 'a.b', summary: long, service: long, callId: long, attributes: { index } });
    }
    // Three texts of 4 KiB each, estimated at twice their size: no more than two fit.
    expect(publisher.stats().queued).toBeLessThanOrEqual(3);
    expect(publisher.stats().queued).toBeGreaterThan(0);
    await publisher.flush();
    const newest = (await readAll(bus)).at(-1);
    expect(newest).toMatchObject({ name: 'a.b', summary: 'é'.repeat(2_048), attributes: { index: 19 } });
    expect(newest?.service).toHaveLength(2_048);
    expect(newest?.callId).toHaveLength(2_048);
  });

  test('says what is wrong with its options when it is made, and never repeats a password', () => {
    const wrong: [PublisherOptions, RegExp][] = [
      [{ url: 'redis://' }, /^url: the Redis URL is not redis:/],
      [{ url: 'redis://user:hunter2@a,b' }, /^url: the Redis URL names several hosts/],
      [{ url: 'redis+sentinel://a:1' }, /^url: the Redis URL names no master/],
      [{ url: 'rediss+sentinel://a:1/name' }, /^url: expected redis:/],
      [{ url: 'http://user:hunter2@127.0.0.1:1' }, /^url: .* takes no user and password but a token/],
      [{ service: 5 as unknown as string }, /^service: the value given is not text/],
      [{ register: 'yes' as unknown as boolean }, /^register: the value given is not true or false/],
    ];
    for (const [options, message] of wrong) {
      const make = () => publisherOf(options);
      expect(make).toThrow(message);
      expect(make).not.toThrow(/hunter2/);
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_option' }));
    }
  });

  test('redacts and flattens what is published by hand', async () => {
    const publisher = publisherOf({ redact: ['ssn'] });
    publisher.publish({ name: 'a.b', attributes: { authorization: 'Bearer x', ssn: '1', fine: 'yes' } });
    await publisher.flush();
    expect((await readAll(bus))[0]?.attributes).toEqual({
      authorization: '[redacted]',
      ssn: '[redacted]',
      fine: 'yes',
    });
  });

  test('after close everything is counted as closed, and closing twice is fine', async () => {
    const publisher = publisherOf();
    publisher.publish({ name: 'a.b' });
    await Promise.all([publisher.close(), publisher.close()]);
    await publisher.close();
    publisher.publish({ name: 'a.c' });
    await publisher.flush();
    expect(publisher.stats()).toMatchObject({ emitted: 2, published: 1, queued: 0, dropped: { closed: 1 } });
  });

  test('opens nothing before the first activity', async () => {
    const publisher = publisherOf({ url: 'http://127.0.0.1:9' });
    await publisher.flush();
    await publisher.close();
    expect(publisher.stats()).toMatchObject({ emitted: 0 });
  });

  test.each([
    [{ url: 'ftp://x' }, /url: expected redis/],
    [{ url: 'redis+cluster://h:1,h:2' }, /url: redis\+cluster/],
    [{ url: 'http://user:secret@[bad' }, /url: expected http/],
    [{ queueCountMax: 1 }, /queueCountMax: 1 is not a whole number/],
    [{ feed: 'spaces are bad' }, /feed/],
    [{ events: 'nowhere' as 'span' }, /events/],
  ])('wrong configuration fails at the start: %j', (options, message) => {
    expect(() => createPublisher(options)).toThrow(message);
    try {
      createPublisher(options);
    } catch (error) {
      expect(String(error)).not.toContain('secret');
    }
  });
});

describe('the instance', () => {
  test('starts with the first activity and stops at the end, each said once', async () => {
    const publisher = publisherOf({ instance: 'gw-1', service: 'gw' });
    expect((await bus.info()).instances).toBe(0);
    publisher.publish({ name: 'a.b' });
    await publisher.flush();
    expect((await bus.info()).instances).toBe(1);
    publisher.publish({ name: 'a.c' });
    await publisher.close();
    expect((await readAll(bus)).map(({ name, instance, service }) => [name, instance, service])).toEqual([
      ['livespan.instance_started', 'gw-1', 'gw'],
      ['a.b', 'gw-1', 'gw'],
      ['a.c', 'gw-1', 'gw'],
      ['livespan.instance_stopped', 'gw-1', 'gw'],
    ]);
    expect((await bus.info()).instances).toBe(0);
    expect(publisher.stats()).toMatchObject({ emitted: 2, published: 2 });
  });

  test('without a name of its own it takes no part, and has a default name', async () => {
    const publisher = publisherOf();
    publisher.publish({ name: 'a.b' });
    await publisher.close();
    const activities = await readAll(bus);
    expect(activities).toHaveLength(1);
    expect(activities[0]?.instance).toMatch(/^[\x21-\x7e]+:\d+-[0-9a-f]{4}$/);
  });
});

describe('the registered publisher', () => {
  test('is shared through the global slot and checked by its shape', () => {
    const slot = (globalThis as { [key: symbol]: { publisher?: unknown } })[Symbol.for('livespan.1')];
    const publisher = publisherOf();
    registerPublisher(publisher);
    expect(slot?.publisher).toBe(publisher);
    expect(currentPublisher()).toBe(publisher);
    if (slot !== undefined) slot.publisher = { publish: 'no function' };
    expect(currentPublisher()).toBeUndefined();
    registerPublisher(undefined);
    expect(currentPublisher()).toBeUndefined();
  });

  test('is forgotten when it closes', async () => {
    const publisher = publisherOf();
    registerPublisher(publisher);
    emitEvent('a.b');
    await publisher.close();
    expect(currentPublisher()).toBeUndefined();
    emitEvent('a.b');
    expect(publisher.stats()).toMatchObject({ emitted: 1, published: 1 });
  });

  test('is a publisher or nothing', async () => {
    expect(() => registerPublisher({} as Publisher)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
    registerPublisher(null as unknown as undefined);
    expect(currentPublisher()).toBeUndefined();
    const publisher = createPublisher(null as unknown as PublisherOptions);
    await publisher.close();
    expect(() => createPublisher('memory:' as PublisherOptions)).toThrow(/^options: the value given is not an object/);
  });

  test('may be of another make: it gets finished activities', () => {
    const seen: unknown[] = [];
    registerPublisher({
      publish: (activity) => seen.push(activity),
      flush: async () => undefined,
      close: async () => undefined,
      stats: () => publisherOf().stats(),
    });
    emitEvent('a.b', { summary: 's', data: { x: { y: 1 } } });
    expect(seen).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        kind: 'event',
        name: 'a.b',
        time: expect.stringMatching(/^\d{4}-.*\.\d{6}Z$/),
        severity: 'info',
        summary: 's',
        attributes: { 'x.y': 1 },
      },
    ]);
  });
});
