import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { type Example, startExample } from './support/example.ts';
import { eventsOf, type FeedReader, readFeed } from './support/feed.ts';

let redis: RedisServer;
const running: Example[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((example) => example.stop()));
});
afterAll(() => redis?.stop());

async function start(file: string, feed: string, service: string, nodeArguments: string[] = []): Promise<Example> {
  const example = await startExample(
    file,
    { LIVESPAN_URL: redis.url, LIVESPAN_FEED: feed, OTEL_SERVICE_NAME: service, OTEL_TRACES_EXPORTER: 'none' },
    nodeArguments,
  );
  running.push(example);
  return example;
}

describe('drop-in use', () => {
  it.each(['express/server.js', 'fastify/server.js', 'plain-http/server.js'])(
    '%s has at most 15 lines',
    async (file) => {
      const text = await readFile(new URL(`../../examples/${file}`, import.meta.url), 'utf8');
      expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
      if (file.startsWith('plain')) expect(text).not.toContain('livespan');
    },
  );

  it.each(['express', 'fastify'])(
    'in %s: gateway events, its own event and the span are one trace',
    async (framework) => {
      const name = uniqueFeed();
      const feed: FeedReader = readFeed(redis, name);
      const example = await start(`${framework}/server.js`, name, framework);
      const answer = await fetch(`${example.url}/hello/Ada`, { headers: { 'x-request-id': 'hello-1' } });
      expect(await answer.json()).toEqual({ hello: 'Ada' });
      const all = await feed.until('the end of the span', (seen) => seen.some(({ kind }) => kind === 'span.end'));
      const events = eventsOf(all, 'hello-1');
      expect(events.map((event) => event.name)).toEqual([
        'gateway.request_received',
        'hello.greeted',
        'gateway.response_sent',
      ]);
      expect(events[1]).toMatchObject({ summary: 'Greeted Ada', attributes: { name: 'Ada' } });
      const span = all.find(({ kind }) => kind === 'span.end');
      expect(span).toMatchObject({ spanKind: 'server', service: framework });
      expect(new Set(events.map(({ traceId, spanId }) => `${traceId} ${spanId}`))).toEqual(
        new Set([`${span?.traceId} ${span?.spanId}`]),
      );
      expect(example.stderr()).not.toMatch(/Error/);
    },
  );

  it('without code: a request shows before it has ended, and one that calls another process is one trace', async () => {
    const name = uniqueFeed();
    const feed = readFeed(redis, name);
    const register = ['--import', pathToFileURL('src/register.ts').href];
    const [first, second] = await Promise.all([
      start('plain-http/server.js', name, 'first', register),
      start('plain-http/server.js', name, 'second', register),
    ]);
    const slow = fetch(`${first.url}/relay?url=${encodeURIComponent(`${second.url}/slow`)}`);
    const early = await feed.until('a running span of the second process', (seen) =>
      seen.some(({ kind, service }) => kind === 'span.start' && service === 'second'),
    );
    expect(early.filter(({ kind }) => kind === 'span.end')).toEqual([]);
    expect(await (await slow).text()).toBe('Done.\n');
    const all = await feed.until(
      'three ended spans',
      (seen) => seen.filter(({ kind }) => kind === 'span.end').length >= 3,
    );
    const ended = all.filter(({ kind }) => kind === 'span.end');
    expect(ended.map(({ service, spanKind }) => `${service} ${spanKind}`).sort()).toEqual([
      'first client',
      'first server',
      'second server',
    ]);
    expect(new Set(ended.map(({ traceId }) => traceId)).size).toBe(1);
  });

  it('relays to loopback only', async () => {
    const plain = await start('plain-http/server.js', uniqueFeed(), 'plain');
    for (const target of [
      'http://example.com/',
      'http://127.0.0.1.example.com/',
      'file:///etc/passwd',
      'nonsense',
      '',
    ]) {
      const answer = await fetch(`${plain.url}/relay?url=${encodeURIComponent(target)}`);
      expect(answer.status).toBe(404);
    }
    expect((await fetch(`${plain.url}/relay?url=${encodeURIComponent('http://127.0.0.1:1/')}`)).status).toBe(502);
  });
});
