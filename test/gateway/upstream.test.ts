import { once } from 'node:events';
import { Agent, get, request as httpRequest } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { context } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPublisher, registerPublisher } from '../../src/sdk/publisher.ts';
import { type TraceGatewayOptions, traceGateway } from '../../src/sdk/trace-gateway.ts';
import {
  type Handler,
  type Recorder,
  readBody,
  record,
  type Sdk,
  Servers,
  startSdk,
  until,
} from './support/harness.ts';

let sdk: Sdk;
let feed: Recorder;
let upstream: string;
const servers = new Servers();

/** Does what its path says. */
const upstreamHandler: Handler = async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://x');
  if (pathname === '/redirect') response.writeHead(302, { location: '/ok' }).end();
  else if (pathname === '/cut') response.write('half', () => setTimeout(() => response.destroy(), 10));
  else if (pathname === '/hang') request.resume();
  else if (pathname === '/status/503') response.writeHead(503).end('no');
  else {
    const body = await readBody(request);
    response.end(`${request.method} ${body}`);
  }
};

beforeAll(() => {
  sdk = startSdk();
});
beforeEach(async () => {
  feed = record();
  upstream = await servers.start(upstreamHandler);
});
afterEach(async () => {
  registerPublisher(undefined);
  await servers.close();
});
afterAll(() => sdk.shutdown());

/** Runs `handler` inside one request to a gateway, and waits for its last event. */
async function through(handler: () => Promise<unknown>, options?: TraceGatewayOptions): Promise<void> {
  const gateway = traceGateway(options);
  const url = await servers.start((request, response) => {
    gateway(request, response, () => {
      handler().then(
        () => response.end('done'),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    });
  });
  await (await fetch(url, { headers: { 'x-request-id': 'call-u' } })).text();
  await feed.wait('gateway.response_sent');
}

function pairs(): string[] {
  return feed.activities
    .filter(({ name }) => name === 'gateway.request_sent' || name === 'gateway.response_received')
    .map(({ name, attributes }) => {
      const what =
        name === 'gateway.request_sent' ? 'sent' : (attributes['http.response.status_code'] ?? attributes.error);
      return `${attributes['upstream.attempt']} ${attributes['url.path']} ${what}`;
    });
}

function get$(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, agent === undefined ? {} : { agent }, (response) => readBody(response).then(resolve, reject)).on(
      'error',
      reject,
    );
  });
}

describe('an upstream call', () => {
  it('by fetch is one pair of events with attempt and host', async () => {
    await through(async () => (await fetch(`${upstream}/ok?key=hidden`)).text());
    const host = new URL(upstream).host;
    const order = feed.activities.map(({ name }) => name);
    expect(order).toEqual([
      'gateway.request_received',
      'gateway.request_sent',
      'gateway.response_received',
      'gateway.response_sent',
    ]);
    expect(feed.named('gateway.request_sent')[0]).toMatchObject({
      summary: `Request sent: GET /ok to ${host}`,
      callId: 'call-u',
      attributes: { 'upstream.attempt': 1, 'upstream.host': host, 'http.request.method': 'GET', 'url.path': '/ok' },
    });
    expect(feed.named('gateway.response_received')[0]).toMatchObject({
      callId: 'call-u',
      severity: 'info',
      attributes: { 'upstream.attempt': 1, 'upstream.host': host, 'http.response.status_code': 200 },
    });
    const [received, sent] = [feed.activities[0], feed.activities[3]];
    expect(new Set(feed.activities.map(({ spanId }) => spanId))).toEqual(new Set([received?.spanId]));
    expect(sent?.attributes['upstream.attempts']).toBe(1);
    expect(JSON.stringify(feed.activities)).not.toContain('hidden');
  });

  it('by node:http is the same', async () => {
    await through(() => get$(`${upstream}/ok`));
    expect(pairs()).toEqual(['1 /ok sent', '1 /ok 200']);
    expect(feed.named('gateway.response_sent')[0]?.attributes).not.toHaveProperty('upstream.errors');
  });

  it('with a status of 4xx or 5xx is a warning', async () => {
    await through(async () => (await fetch(`${upstream}/status/503`)).text());
    expect(feed.named('gateway.response_received')[0]).toMatchObject({
      severity: 'warn',
      attributes: { 'http.response.status_code': 503 },
    });
  });

  it.each(['fetch', 'http'])('that is refused (%s) is a pair with the error', async (via) => {
    const dead = await servers.start(() => undefined);
    await servers.close();
    upstream = dead;
    await through(() => (via === 'fetch' ? fetch(`${dead}/gone`) : get$(`${dead}/gone`)));
    expect(pairs()).toEqual(['1 /gone sent', '1 /gone ECONNREFUSED']);
    expect(feed.named('gateway.response_received')[0]?.severity).toBe('warn');
    expect(feed.named('gateway.response_sent')[0]).toMatchObject({
      severity: 'error',
      attributes: { 'http.response.status_code': 500, 'upstream.errors': ['ECONNREFUSED'] },
    });
  });

  it.each(['fetch', 'http'])('that is cut in the body (%s) shows on response_sent', async (via) => {
    await through(() => (via === 'fetch' ? fetch(`${upstream}/cut`).then((r) => r.text()) : get$(`${upstream}/cut`)));
    expect(pairs()).toEqual(['1 /cut sent', '1 /cut 200']);
    expect(feed.named('gateway.response_sent')[0]?.attributes['upstream.errors']).toHaveLength(1);
  });

  it('that is redirected is two attempts', async () => {
    await through(async () => (await fetch(`${upstream}/redirect`)).text());
    expect(pairs()).toEqual(['1 /redirect sent', '1 /redirect 302', '2 /ok sent', '2 /ok 200']);
  });

  it('that is retried is one pair for each attempt', async () => {
    await through(async () => {
      for (let attempt = 1; attempt <= 3; attempt += 1) await (await fetch(`${upstream}/status/503`)).text();
    });
    expect(pairs()).toEqual([1, 2, 3].flatMap((n) => [`${n} /status/503 sent`, `${n} /status/503 503`]));
    expect(feed.named('gateway.request_sent')[2]?.summary).toMatch(/, attempt 3$/);
  });

  it('that is given up is said so', async () => {
    await through(async () => {
      const abort = new AbortController();
      const call = fetch(`${upstream}/hang`, { signal: abort.signal });
      await feed.wait('gateway.request_sent');
      abort.abort();
      await call.catch(() => undefined);
      await feed.wait('gateway.response_received');
    });
    expect(feed.named('gateway.response_received')[0]).toMatchObject({ attributes: { cancelled: true } });
  });
});

describe('an upstream that cannot be connected to yet', () => {
  it('shows as sent before it answers', async () => {
    // TLS that never answers: no byte of the request can have been sent.
    const silent = createTcpServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const sockets = new Set<Socket>();
    silent.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
    await through(async () => {
      const abort = new AbortController();
      const call = fetch(`https://127.0.0.1:${(silent.address() as AddressInfo).port}/waits`, { signal: abort.signal });
      await feed.wait('gateway.request_sent');
      expect(feed.named('gateway.response_received')).toEqual([]);
      abort.abort();
      await call.catch(() => undefined);
      // Else fetch tries for ten seconds to connect, although nobody waits for it any more.
      for (const socket of sockets) socket.destroy();
      await feed.wait('gateway.response_received');
    });
    silent.close();
    await once(silent, 'close');
    expect(pairs()[0]).toBe('1 /waits sent');
  });
});

describe('several upstream calls', () => {
  it('at once each have their pair, also on pooled sockets and from concurrent requests', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    const gateway = traceGateway();
    const url = await servers.start((request, response) => {
      gateway(request, response, async () => {
        const paths = ['/one', '/two', '/three', '/four'].map((path) => `${path}${request.url}`);
        await Promise.all(
          paths.map((path, i) => (i % 2 ? get$(upstream + path, agent) : fetch(upstream + path).then((r) => r.text()))),
        );
        response.end();
      });
    });
    const ids = Array.from({ length: 8 }, (_, index) => `call-${index}`);
    await Promise.all(
      ids.map((id) => fetch(`${url}/${id}`, { headers: { 'x-request-id': id } }).then((r) => r.text())),
    );
    await feed.wait('gateway.response_sent', ids.length);
    agent.destroy();
    for (const id of ids) {
      const own = feed.activities.filter(({ callId }) => callId === id);
      const paths = (name: string) =>
        own
          .filter((activity) => activity.name === name)
          .map(({ attributes }) => `${attributes['upstream.attempt']}${attributes['url.path']}`)
          .sort();
      expect(paths('gateway.request_sent')).toHaveLength(4);
      expect(paths('gateway.response_received')).toEqual(paths('gateway.request_sent'));
      expect(own.every(({ attributes }) => String(attributes['url.path'] ?? id).endsWith(id))).toBe(true);
    }
  });
});

describe('what is no upstream call', () => {
  it('is left to the option upstream', async () => {
    await through(
      async () => {
        await (await fetch(`${upstream}/ok`)).text();
        await (await fetch(`${upstream}/other`)).text();
        await get$(`${upstream}/ok`);
      },
      { upstream: ({ url, via }) => url.pathname === '/ok' && via === 'fetch' },
    );
    expect(pairs()).toEqual(['1 /ok sent', '1 /ok 200']);
  });

  it('is what runs suppressed, outside of a request, or asks for an upgrade', async () => {
    await through(async () => {
      await context.with(suppressTracing(context.active()), () => fetch(`${upstream}/ok`).then((r) => r.text()));
      const upgrade = httpRequest(`${upstream}/ok`, { headers: { connection: 'upgrade', upgrade: 'websocket' } });
      upgrade.on('error', () => undefined).end();
      await once(upgrade, 'response').then(([response]) => readBody(response));
    });
    await (await fetch(`${upstream}/ok`)).text();
    expect(pairs()).toEqual([]);
  });

  it('is one that starts after the response was sent', async () => {
    const gateway = traceGateway();
    let background: Promise<string> | undefined;
    const url = await servers.start((request, response) => {
      gateway(request, response, () => {
        background = feed.wait('gateway.response_sent').then(async () => (await fetch(`${upstream}/late`)).text());
        response.end();
      });
    });
    await (await fetch(url)).text();
    await feed.wait('gateway.response_sent');
    expect(await background).toBe('GET ');
    expect(pairs()).toEqual([]);
  });

  it('is our own publisher over HTTP', async () => {
    const ingested: string[] = [];
    const log = await servers.start(async (request, response) => {
      const { activities } = JSON.parse(await readBody(request)) as { activities: { name: string }[] };
      ingested.push(...activities.map(({ name }) => name));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ accepted: activities.length, rejected: [] }));
    });
    const publisher = createPublisher({ url: log });
    registerPublisher(publisher);
    const gateway = traceGateway();
    const url = await servers.start((request, response) => {
      gateway(request, response, async () => {
        await (await fetch(`${upstream}/ok`)).text();
        response.end();
      });
    });
    const requests = 25;
    for (let i = 0; i < requests; i += 1) await (await fetch(url)).text();
    const count = () => ingested.filter((name) => name.startsWith('gateway.')).length;
    await until('all events', () => count() >= requests * 4);
    await publisher.flush();
    expect(count()).toBe(requests * 4);
    expect(publisher.stats()).toMatchObject({ emitted: requests * 4, published: requests * 4, queued: 0 });
    registerPublisher(undefined);
    await publisher.close();
  });
});

describe('a call to a language model', () => {
  const question = { model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: 'private' }] };
  const answer = { id: 'c-1', model: 'gpt-4o-2024' };
  const usage = { prompt_tokens: 9, completion_tokens: 12 };

  async function ask(handler: (url: string) => Promise<unknown>, options?: TraceGatewayOptions) {
    upstream = await servers.start(async (request, response) => {
      const body = JSON.parse(await readBody(request)) as { stream: boolean };
      if (!body.stream) {
        response.end(
          JSON.stringify({ ...answer, choices: [{ finish_reason: 'stop', message: { content: 'quiet' } }], usage }),
        );
        return;
      }
      const chunk = (more: object) => response.write(`data: ${JSON.stringify({ ...answer, ...more })}\n\n`);
      chunk({ choices: [{ delta: { content: 'quiet' }, finish_reason: null }] });
      await new Promise((resolve) => setTimeout(resolve, 20));
      chunk({ choices: [{ delta: {}, finish_reason: 'stop' }] });
      chunk({ choices: [], usage });
      response.end('data: [DONE]\n\n');
    });
    await through(() => handler(`${upstream}/v1/chat/completions`), options);
    return { sent: feed.named('gateway.request_sent')[0], done: feed.named('gateway.response_sent')[0] };
  }

  const post = (stream: boolean) => (url: string) =>
    fetch(url, { method: 'POST', body: JSON.stringify({ ...question, stream }) }).then((r) => r.text());

  it.each([true, false])('by fetch (stream=%s) has what was asked and what was used', async (stream) => {
    const { sent, done } = await ask(post(stream));
    expect(sent?.summary).toBe(`Request sent: gpt-4o (stream=${stream}) to ${new URL(upstream).host}`);
    expect(sent?.attributes).toMatchObject({
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.operation.name': 'chat',
      stream,
    });
    expect(done?.attributes).toMatchObject({
      'gen_ai.response.model': 'gpt-4o-2024',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 9,
      'gen_ai.usage.output_tokens': 12,
    });
    expect(done?.summary).toContain('(9 tokens in, 12 out)');
    const first = done?.attributes['gen_ai.response.time_to_first_chunk'];
    if (stream) expect(first).toBeTypeOf('number');
    else expect(first).toBeUndefined();
    expect(JSON.stringify(feed.activities)).not.toMatch(/private|quiet/);
  });

  it('by node:http has the same', async () => {
    const { sent, done } = await ask((url) => {
      const call = httpRequest(url, { method: 'POST' });
      const text = JSON.stringify({ ...question, stream: false });
      call.write(text.slice(0, 10));
      call.end(text.slice(10));
      return once(call, 'response').then(([response]) => readBody(response));
    });
    expect(sent?.attributes['gen_ai.request.model']).toBe('gpt-4o');
    expect(done?.attributes['gen_ai.usage.output_tokens']).toBe(12);
  });

  it('has prompt and answer when content is asked for', async () => {
    const { sent, done } = await ask(post(true), { captureContent: true });
    expect(sent?.attributes['gen_ai.input.messages']).toContain('private');
    expect(done?.attributes['gen_ai.output.messages']).toContain('quiet');
  });

  it('adds up the usage of several calls', async () => {
    const { done } = await ask(async (url) => {
      await post(true)(url);
      await post(false)(url);
    });
    expect(done?.attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 18, 'gen_ai.usage.output_tokens': 24 });
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ])('is read through %s', async (encoding, compress) => {
    const compressed = await servers.start(async (request, response) => {
      const { stream } = JSON.parse(await readBody(request)) as { stream: boolean };
      const event = { ...answer, choices: [{ delta: {}, finish_reason: 'stop' }], usage };
      response.setHeader('content-encoding', encoding);
      response.end(compress(stream ? `data: ${JSON.stringify(event)}\n\n` : JSON.stringify(event)));
    });
    for (const stream of [true, false]) {
      feed.clear();
      await through(() => post(stream)(`${compressed}/v1/chat/completions`));
      expect(feed.named('gateway.response_sent')[0]?.attributes).toMatchObject({
        'gen_ai.usage.input_tokens': 9,
        'gen_ai.response.finish_reasons': ['stop'],
      });
    }
  });

  it('that was answered from a cache is read from the response itself', async () => {
    const gateway = traceGateway();
    const url = await servers.start((request, response) => {
      gateway(request, response, () => response.end(JSON.stringify({ ...answer, choices: [], usage })));
    });
    await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: '{}' })).text();
    await (await fetch(`${url}/other`)).text();
    const [cached, other] = await feed.wait('gateway.response_sent', 2);
    expect(cached?.attributes['gen_ai.usage.input_tokens']).toBe(9);
    expect(other?.attributes).not.toHaveProperty('gen_ai.response.model');
  });

  it('says its model also when the prompt is larger than what is kept', async () => {
    const { sent } = await ask((url) => {
      const messages = [{ role: 'user', content: 'x'.repeat(400_000) }];
      return fetch(url, { method: 'POST', body: JSON.stringify({ ...question, messages }) }).then((r) => r.text());
    });
    expect(sent?.attributes['gen_ai.request.model']).toBe('gpt-4o');
  });
});
