import diagnostics from 'node:diagnostics_channel';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { LivespanError } from '../../src/errors.ts';
import type { FeedMessage } from '../../src/feed/open-feed.ts';
import { openRemoteFeed, type RemoteFeedOptions } from '../../src/feed/remote-feed.ts';
import { type StreamServer, startStreamServer, until } from './stream-server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options?: Parameters<typeof startStreamServer>[0]): Promise<StreamServer> {
  const server = await startStreamServer(options);
  closers.push(() => server.close());
  return server;
}

/** A server that answers as the test says. */
async function startFake(
  answer: (response: ServerResponse, request: number, lastEventId: string) => void,
): Promise<string> {
  let requests = 0;
  const http: Server = createServer((request, response) => {
    requests += 1;
    answer(response, requests, String(request.headers['last-event-id'] ?? ''));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

const base = (server: StreamServer): string => new URL(server.url).origin;

/** Reads in the background until the signal of the test ends it. */
function follow(options: RemoteFeedOptions): { messages: FeedMessage[]; numbers(): unknown[]; stop(): Promise<void> } {
  const messages: FeedMessage[] = [];
  const abort = new AbortController();
  const done = (async () => {
    for await (const message of openRemoteFeed({ ...options, signal: abort.signal })) messages.push(message);
  })();
  const stop = async (): Promise<void> => {
    abort.abort();
    await done;
  };
  closers.push(stop);
  const numbers = (): unknown[] =>
    messages.flatMap((one) => (one.type === 'activity' ? [one.activity.attributes.i] : []));
  return { messages, numbers, stop };
}

async function failure(options: RemoteFeedOptions): Promise<LivespanError> {
  try {
    for await (const message of openRemoteFeed(options)) expect(message).toBeUndefined();
  } catch (error) {
    return error as LivespanError;
  }
  throw new Error('It did not fail');
}

describe('openRemoteFeed', () => {
  it('gives activities with their cursors, live and from the past, and filters at the server', async () => {
    const server = await start();
    await server.appendNumbered(0, 5);
    const feed = follow({ url: `${base(server)}/`, since: '0-0', filter: '@i:>=3' });
    await until(() => feed.messages.length === 2, 'the past');
    await server.appendNumbered(5, 7);
    await until(() => feed.messages.length === 4, 'what is new');
    expect(feed.numbers()).toEqual([3, 4, 5, 6]);
    const { last } = await server.bus.info();
    expect(feed.messages[3]).toMatchObject({ type: 'activity', cursor: `${last.ms}-${last.n}` });
    expect(feed.messages[3]).not.toHaveProperty('activity.cursor');
    await feed.stop();
    await until(() => server.stream.stats().readers === 0, 'nothing is held');
  });

  it('comes back by itself with its cursor, each once and in order, and says gaps', async () => {
    const server = await start({ log: { countMax: 200 }, ringCountMax: 128 });
    const feed = follow({ url: base(server), since: '0-0' });
    await server.appendNumbered(0, 10);
    await until(() => feed.messages.length === 10, 'the first ones');
    server.http.closeAllConnections();
    await server.appendNumbered(10, 20);
    await until(() => feed.messages.length === 20, 'what was written meanwhile');
    expect(feed.numbers()).toEqual(Array.from({ length: 20 }, (_, i) => i));
    server.http.closeAllConnections();
    await server.appendNumbered(20, 1_000);
    await until(() => feed.numbers().at(-1) === 999, 'the newest');
    const missed = feed.messages.reduce((sum, message) => sum + (message.type === 'gap' ? message.missed : 0), 0);
    expect(missed).toBeGreaterThan(0);
    expect(feed.numbers().length + missed).toBe(1_000);
    expect(server.stream.stats().opened).toBe(3);
  });

  it('ends without an error on abort, also while it waits to come back', async () => {
    const url = await startFake((response) => response.writeHead(503, { 'retry-after': '60' }).end());
    const retries: number[] = [];
    const feed = follow({ url, onRetry: (_error, delayMs) => retries.push(delayMs) });
    await until(() => retries.length === 1, 'the first try');
    // `Retry-After` is honoured.
    expect(retries[0]).toBeGreaterThanOrEqual(60_000);
    await feed.stop();
    expect(feed.messages).toEqual([]);
  });

  it('frees everything when the loop is left', async () => {
    const server = await start();
    await server.appendNumbered(0, 5);
    for await (const message of openRemoteFeed({ url: base(server), since: '0-0' })) {
      expect(message).toMatchObject({ type: 'activity', activity: { attributes: { i: 0 } } });
      break;
    }
    await until(() => server.stream.stats().readers === 0, 'the connection is gone');
  });

  it('takes 400, 401 and 403 as final, with the code, the sentence and the column', async () => {
    const server = await start();
    const error = await failure({ url: base(server), filter: 'severity:>=' });
    expect(error).toMatchObject({
      name: 'LivespanError',
      code: 'invalid_filter',
      details: { column: expect.any(Number) },
    });
    expect(await failure({ url: base(server), since: 'never' })).toMatchObject({ code: 'invalid_cursor' });
    const denied = await startFake((response) => response.writeHead(401).end());
    expect(await failure({ url: denied, token: 'secret-token' })).toMatchObject({ code: 'unauthenticated' });
    const forbidden = await startFake((response) => response.writeHead(403).end('no'));
    expect(await failure({ url: forbidden })).toMatchObject({ code: 'forbidden' });
    expect(await failure({ url: 'redis://127.0.0.1' })).toMatchObject({ code: 'invalid_option' });
    expect(await failure({ url: 'http://user:hunter2@127.0.0.1:1' })).toMatchObject({ code: 'invalid_option' });
  });

  it('tries everything else again, longer each time, and takes the server at its word about the wait', async () => {
    const seen: string[] = [];
    const url = await startFake((response, request, lastEventId) => {
      seen.push(lastEventId);
      if (request <= 2) response.writeHead(request === 1 ? 500 : 404).end('gone');
      else if (request === 3) response.writeHead(200, { 'content-type': 'text/html' }).end('<p>a proxy</p>');
      else if (request === 4) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(
          'retry: 10\nid: 7-7\n\nid: 8-8\nevent: lagged\ndata: {"type":"lagged","cursor":"8-8","missed":3}\n\ndata: cut',
        );
      } else {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('id: 9-1\nevent: reset\ndata: {}\n\nid: 9-2\nevent: event\ndata: {"not":"ours"}\n\nid: 9-3\n\n');
      }
    });
    const waits: number[] = [];
    const feed = follow({ url, onRetry: (_error, delayMs) => waits.push(delayMs) });
    await until(() => feed.messages.length === 2, 'both messages');
    expect(feed.messages).toEqual([
      { type: 'lagged', cursor: '8-8', missed: 3 },
      { type: 'reset', cursor: '9-1' },
    ]);
    expect(seen).toEqual(['', '', '', '', '8-8']);
    expect(waits[2]).toBeGreaterThan((waits[0] ?? 0) * 1.1);
    expect(waits[3]).toBeLessThan(50);
  });

  it('finds a dead connection by its missing heartbeats', async () => {
    const url = await startFake((response, request) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'livespan-heartbeat-ms': '1' });
      response.write(request === 1 ? 'retry: 10\nid: 1-1\n\n' : 'id: 1-2\nevent: reset\ndata: {}\n\n');
    });
    const errors: string[] = [];
    const feed = follow({ url, onRetry: (error) => errors.push(error.code) });
    await until(() => feed.messages.length === 1, 'the second connection');
    expect(errors).toEqual(['timeout']);
  });

  it('is not seen by the tracing of the application', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const suppressed: boolean[] = [];
    const spans: unknown[] = [];
    const onRequest = (): void => {
      suppressed.push(isTracingSuppressed(context.active()));
      spans.push(trace.getActiveSpan());
    };
    diagnostics.subscribe('http.client.request.created', onRequest);
    try {
      const server = await start();
      const feed = follow({ url: base(server), since: '0-0' });
      await server.appendNumbered(0, 1);
      await until(() => feed.messages.length === 1, 'the activity');
      expect(suppressed).toEqual([true]);
      expect(spans).toEqual([undefined]);
    } finally {
      diagnostics.unsubscribe('http.client.request.created', onRequest);
      context.disable();
    }
  });
});
