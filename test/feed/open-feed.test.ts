import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { LivespanError } from '../../src/errors.ts';
import { type FeedMessage, type OpenFeedOptions, openFeed } from '../../src/feed/open-feed.ts';
import { activities, activityJson } from './support/activities.ts';

const buses: Bus[] = [];

async function memoryLog(logCountMax = 100_000): Promise<{ bus: Bus; feed: string }> {
  const feed = `livespan:test-${randomBytes(6).toString('hex')}`;
  const bus = await openBus({ url: 'memory:', feed, logCountMax });
  buses.push(bus);
  return { bus, feed };
}

function open(feed: string, options: OpenFeedOptions = {}) {
  return openFeed({ url: 'memory:', feed, ...options });
}

async function take(messages: AsyncGenerator<FeedMessage>, count: number): Promise<FeedMessage[]> {
  const taken: FeedMessage[] = [];
  while (taken.length < count) {
    const step = await messages.next();
    if (step.done) break;
    taken.push(step.value);
  }
  return taken;
}

const indexOf = (message: FeedMessage): unknown =>
  message.type === 'activity' ? message.activity.attributes.index : message.type;

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

describe('openFeed', () => {
  it('shows what is appended from now on, and nothing older', async () => {
    const { bus, feed } = await memoryLog();
    await bus.append({ activities: activities(0, 10) });
    const messages = open(feed);
    const first = messages.next();
    // The reader stands at "now" once it waits; an append before that may or may not be shown.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await bus.append({ activities: activities(10, 3) });
    const shown = [await first.then((step) => step.value as FeedMessage), ...(await take(messages, 2))];
    expect(shown.map(indexOf)).toEqual([10, 11, 12]);
    await messages.return();
  });

  it('reads from the beginning and goes on live without a hole or a repetition', async () => {
    const { bus, feed } = await memoryLog();
    await bus.append({ activities: activities(0, 100) });
    const messages = open(feed, { since: '0-0' });
    const first = await take(messages, 50);
    for (let index = 100; index < 3_000; index += 100) await bus.append({ activities: activities(index, 100) });
    const rest = await take(messages, 2_950);
    expect([...first, ...rest].map(indexOf)).toEqual(Array.from({ length: 3_000 }, (_, index) => index));
    await messages.return();
  });

  it('resumes after a cursor, and skips what the filter does not show', async () => {
    const { bus, feed } = await memoryLog();
    await bus.append({ activities: activities(0, 20) });
    const before = await take(open(feed, { since: '0-0' }), 5);
    const since = before[4]?.cursor;
    const after = open(feed, { since, filter: '@index:>=10' });
    expect((await take(after, 3)).map(indexOf)).toEqual([10, 11, 12]);
    await after.return();
  });

  it('says exactly how many a slow reader lost when the log let go of them', async () => {
    const { bus, feed } = await memoryLog(200);
    await bus.append({ activities: activities(0, 1) });
    const messages = open(feed, { since: '0-0' });
    expect((await take(messages, 1)).map(indexOf)).toEqual([0]);
    for (let index = 1; index < 40_001; index += 100) await bus.append({ activities: activities(index, 100) });
    let counted = 1;
    let lost = 0;
    for await (const message of messages) {
      if (message.type === 'gap') lost += message.missed;
      if (message.type === 'activity') {
        expect(message.activity.attributes.index).toBe(counted + lost);
        counted += 1;
      }
      if (counted + lost === 40_001) break;
    }
    expect(lost).toBeGreaterThan(0);
    expect(counted + lost).toBe(40_001);
  });

  it('says reset for a cursor of another log and goes on with what is there', async () => {
    const { bus, feed } = await memoryLog();
    await bus.append({ activities: activities(0, 3) });
    const messages = open(feed, { since: '1000-77' });
    const shown = await take(messages, 4);
    expect(shown.map(indexOf)).toEqual(['reset', 0, 1, 2]);
    await messages.return();
  });

  it.each([
    [{ filter: 'kind:' }, 'invalid_filter'],
    [{ since: 'yesterday' }, 'invalid_cursor'],
    [{ url: 'ftp://127.0.0.1/' }, 'invalid_option'],
    [{ url: 'redis+cluster://127.0.0.1:7000' }, 'invalid_option'],
    [{ feed: 'not a name' }, 'invalid_option'],
    [{ filter: 5 }, 'invalid_option'],
    [{ since: 5 }, 'invalid_option'],
    [{ signal: {} }, 'invalid_option'],
    [{ onRetry: 'log' }, 'invalid_option'],
  ])('refuses %j at the first message', async (options, code) => {
    const messages = openFeed({ url: 'memory:', ...(options as OpenFeedOptions) });
    const error = await messages.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LivespanError);
    expect((error as LivespanError).code).toBe(code);
  });

  it('refuses a user and password for a server, without a word of them, and what can hold no options', async () => {
    const failed = (options: unknown) =>
      openFeed(options as OpenFeedOptions)
        .next()
        .catch((thrown: unknown) => thrown);
    const error = await failed({ url: 'http://user:hunter2@127.0.0.1:1/' });
    expect(error).toMatchObject({ code: 'invalid_option', message: expect.stringMatching(/^url: .* but a token/) });
    expect(String((error as Error).stack)).not.toMatch(/hunter2|user:/);
    expect(await failed('http://127.0.0.1:1/')).toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(/^options: /),
    });
  });

  it('takes null for no options', async () => {
    vi.stubEnv('LIVESPAN_URL', 'memory:');
    const messages = openFeed(null as unknown as OpenFeedOptions);
    const first = messages.next();
    await messages.return();
    expect(await first).toEqual({ done: true, value: undefined });
  });

  it('ends on abort, and on return while it waits', async () => {
    const { feed } = await memoryLog();
    const controller = new AbortController();
    const aborted = open(feed, { signal: controller.signal });
    const waiting = aborted.next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });

    const returned = open(feed);
    const pending = returned.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await returned.return();
    expect(await pending).toEqual({ done: true, value: undefined });

    expect(await open(feed, { signal: AbortSignal.abort() }).next()).toEqual({ done: true, value: undefined });
  });

  it('shares one subscription between readers and gives it back with the last one', async () => {
    const { bus, feed } = await memoryLog();
    await bus.append({ activities: [activityJson(0)] });
    const readers = Array.from({ length: 50 }, () => open(feed, { since: '0-0' }));
    const firsts = await Promise.all(readers.map((reader) => reader.next()));
    expect(firsts.every((step) => step.value?.type === 'activity')).toBe(true);
    // Decoded once: every reader holds the same object.
    const decoded = new Set(firsts.map((step) => (step.value?.type === 'activity' ? step.value.activity : undefined)));
    expect(decoded.size).toBe(1);
    await Promise.all(readers.map((reader) => reader.return()));
    const later = open(feed, { since: '0-0' });
    expect((await take(later, 1)).map(indexOf)).toEqual([0]);
    await later.return();
  });
});

describe('what cannot be read', () => {
  async function listen(answer: (response: ServerResponse) => void): Promise<{ host: string; server: Server }> {
    const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, server };
  }

  it('is said with the reason while the feed waits', async () => {
    const other = await listen((response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<html>'));
    const page = await listen((response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
    const gone = await listen(() => undefined);
    gone.server.close();
    const cases: [string, RegExp][] = [
      [`http://${other.host}`, /answered 404 .* is this the address of a livespan server\?/],
      [`http://${page.host}/x`, /answered 200 instead of a stream: is this/],
      [`http://${gone.host}/?token=s3cret`, /^nothing listens at 127\.0\.0\.1:\d+ \(connection refused\)$/],
      [`https://${other.host}`, /does not speak TLS: use http:\/\/ instead of https:\/\//],
      [`redis://:s3cret@${gone.host}`, /^nothing listens at 127\.0\.0\.1:\d+ \(connection refused\)$/],
    ];
    for (const [url, sentence] of cases) {
      const leave = new AbortController();
      const said = await new Promise<LivespanError>((resolve) => {
        const messages = openFeed({ url, signal: leave.signal, onRetry: resolve });
        void messages.next();
      });
      leave.abort();
      expect([url, said.message]).toEqual([url, expect.stringMatching(sentence)]);
    }
    for (const { server } of [other, page]) server.close();
  });

  it('is a warning of the process where nobody asked to be told, once and without secrets', async () => {
    const { host, server } = await listen((response) => response.writeHead(404).end());
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const leave = new AbortController();
    const waiting = openFeed({ url: `http://${host}/?token=s3cret`, signal: leave.signal }).next();
    await vi.waitFor(() => expect(warnings).toHaveLength(1), { timeout: 20_000 });
    leave.abort();
    await waiting;
    process.off('warning', onWarning);
    server.close();
    expect(warnings[0]).toMatchObject({ name: 'LivespanWarning', code: 'LIVESPAN_FEED_UNREACHABLE' });
    expect(warnings[0]?.message).toMatch(
      /^livespan cannot read the feed at http:\/\/127\.0\.0\.1:\d+ and tries again: The server answered 404/,
    );
  });
});
