import { once } from 'node:events';
import { Agent, get, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setCallId } from '../../src/sdk/call-id.ts';
import { emitEvent } from '../../src/sdk/emitter.ts';
import { registerPublisher } from '../../src/sdk/publisher.ts';
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
const servers = new Servers();

beforeAll(() => {
  sdk = startSdk();
});
beforeEach(() => {
  feed = record();
});
afterEach(async () => {
  registerPublisher(undefined);
  await servers.close();
});
afterAll(() => sdk.shutdown());

function serve(handler: Handler, options?: TraceGatewayOptions): Promise<string> {
  const gateway = traceGateway(options);
  return servers.start((request, response) => gateway(request, response, () => void handler(request, response)));
}

function spanOf(traceId: string | undefined) {
  return until('the span', () => sdk.spans().find((span) => span.spanContext().traceId === traceId));
}

describe('a request', () => {
  it('gives two events and a SERVER span with the HTTP attributes', async () => {
    const url = await serve((_, response) => response.end('hello'));
    const answer = await fetch(`${url}/a/b?x=1&api_key=hidden`, { headers: { 'x-request-id': 'call-1' } });
    expect(await answer.text()).toBe('hello');

    const [sent] = await feed.wait('gateway.response_sent');
    const [received] = feed.named('gateway.request_received');
    expect(received).toMatchObject({
      kind: 'event',
      severity: 'info',
      summary: 'Request received: GET /a/b',
      callId: 'call-1',
      attributes: { 'http.request.method': 'GET', 'url.path': '/a/b' },
    });
    expect(sent).toMatchObject({
      severity: 'info',
      callId: 'call-1',
      traceId: received?.traceId,
      spanId: received?.spanId,
      attributes: { 'http.response.status_code': 200, 'http.response.body.size': 5, 'gateway.chunks': 1 },
    });
    expect(sent?.summary).toMatch(/^Response sent: 200, 1 chunk, 5 bytes in \d+ ms$/);
    expect(feed.activities.map((activity) => activity.name)).toEqual([
      'gateway.request_received',
      'gateway.response_sent',
    ]);

    const span = await spanOf(received?.traceId);
    expect(span).toMatchObject({ name: 'GET', kind: SpanKind.SERVER, status: { code: SpanStatusCode.UNSET } });
    expect(span.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': '/a/b',
      'url.query': 'x=1&api_key=[redacted]',
      'url.scheme': 'http',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(url).port),
      'client.address': '127.0.0.1',
      'network.protocol.version': '1.1',
    });
    expect(span.events.map((event) => event.name)).toEqual(['gateway.request_received', 'gateway.response_sent']);
    expect(JSON.stringify([feed.activities, span.attributes])).not.toContain('hidden');
  });

  it('runs next in the context of its span and call id, also after awaits and in listeners', async () => {
    const url = await serve(async (request, response) => {
      emitEvent('step.direct');
      request.on('end', () => emitEvent('step.listener'));
      request.once('end', () => emitEvent('step.once'));
      await readBody(request);
      emitEvent('step.awaited');
      setImmediate(() => {
        emitEvent('step.immediate');
        response.end();
      });
    });
    await fetch(url, { method: 'POST', body: 'x', headers: { 'x-request-id': 'call-2' } });
    const [sent] = await feed.wait('gateway.response_sent');
    const steps = feed.activities.filter((activity) => activity.name.startsWith('step.'));
    expect(steps.map((step) => step.name).sort()).toEqual([
      'step.awaited',
      'step.direct',
      'step.immediate',
      'step.listener',
      'step.once',
    ]);
    for (const step of steps) expect(step).toMatchObject({ callId: 'call-2', spanId: sent?.spanId });
  });

  it('runs listeners there too when the body comes later, from the socket', async () => {
    const url = await serve((request, response) => {
      request.on('data', () => emitEvent('step.data'));
      request.once('end', () => {
        emitEvent('step.end');
        response.end();
      });
    });
    const client = httpRequest(url, { method: 'POST', headers: { 'x-request-id': 'call-3' } });
    client.write('one');
    await feed.wait('step.data');
    client.end('two');
    const [response] = await once(client, 'response');
    await readBody(response);
    const [sent] = await feed.wait('gateway.response_sent');
    const steps = feed.activities.filter((activity) => activity.name.startsWith('step.'));
    expect(steps).toHaveLength(3);
    for (const step of steps) expect(step).toMatchObject({ callId: 'call-3', spanId: sent?.spanId });
  });

  it('lets the application take its listeners away again', async () => {
    const calls: string[] = [];
    const url = await serve(async (request, response) => {
      const never = () => void calls.push('never');
      request.on('end', never).once('end', never).prependListener('end', never);
      request.removeListener('end', never).off('end', never).off('end', never);
      request.once('end', () => void calls.push('once'));
      await readBody(request);
      response.end(String(request.listenerCount('end')));
    });
    const answer = await fetch(url, { method: 'POST', body: 'x' });
    expect(calls).toEqual(['once']);
    await answer.text();
  });

  it('takes the call id from x-request-id when it is printable and short, else the trace id', async () => {
    const url = await serve((_, response) => response.end());
    const ids = ['id with spaces', 'x'.repeat(128), 'x'.repeat(129), 'grün', ' ', undefined];
    for (const id of ids) {
      await new Promise((resolve, reject) => {
        get(url, id === undefined ? {} : { headers: { 'x-request-id': id } }, (response) => {
          response.resume().on('end', resolve);
        }).on('error', reject);
      });
    }
    const sent = await feed.wait('gateway.response_sent', ids.length);
    expect(sent.map((activity) => (activity.callId === activity.traceId ? 'trace' : activity.callId))).toEqual([
      'id with spaces',
      'x'.repeat(128),
      'trace',
      'trace',
      'trace',
      'trace',
    ]);
  });

  it('lets setCallId rename the call for all later events', async () => {
    const url = await serve(async (_, response) => {
      await new Promise(setImmediate);
      setCallId('order-7');
      response.end();
    });
    await fetch(url);
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.callId).toBe('order-7');
    expect(feed.named('gateway.request_received')[0]?.callId).toBe(sent?.traceId);
  });

  it('keeps requests on one kept-alive socket apart', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const url = await serve((_, response) => response.end('x'));
    for (const id of ['a', 'b', 'c']) {
      await new Promise((resolve) => {
        get(url, { agent, headers: { 'x-request-id': id } }, (response) => response.resume().on('end', resolve));
      });
    }
    agent.destroy();
    const sent = await feed.wait('gateway.response_sent', 3);
    expect(sent.map((activity) => activity.callId)).toEqual(['a', 'b', 'c']);
    expect(new Set(sent.map((activity) => activity.traceId)).size).toBe(3);
  });
});

describe('the incoming trace', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it('is gone on with', async () => {
    const url = await serve((_, response) => response.end());
    await fetch(url, { headers: { traceparent } });
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect((await spanOf(sent?.traceId)).parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
  });

  it('becomes a link of a new root where it is not trusted', async () => {
    const url = await serve((_, response) => response.end(), { trustIncomingTrace: false });
    await fetch(url, { headers: { traceparent } });
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.traceId).not.toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    const span = await spanOf(sent?.traceId);
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.links.map((link) => link.context.spanId)).toEqual(['00f067aa0ba902b7']);
  });

  it('is joined where a span is active already, which then stays open for its owner', async () => {
    const gateway = traceGateway();
    const tracer = trace.getTracer('instrumentation');
    const url = await servers.start((request, response) => {
      tracer.startActiveSpan('GET', { kind: SpanKind.SERVER }, (span) => {
        response.on('close', () => span.end());
        gateway(request, response, () => response.end('joined'));
      });
    });
    await fetch(`${url}/joined`);
    const [sent] = await feed.wait('gateway.response_sent');
    const span = await spanOf(sent?.traceId);
    expect(sdk.spans().filter((each) => each.spanContext().traceId === sent?.traceId)).toHaveLength(1);
    expect(span.instrumentationScope.name).toBe('instrumentation');
    expect(span.attributes['url.path']).toBe('/joined');
    expect(span.events.map((event) => event.name)).toEqual(['gateway.request_received', 'gateway.response_sent']);
  });
});

describe('a span that somebody else made', () => {
  it.each(['finish', 'close'])('still takes the last event when its owner ends it on %s', async (event) => {
    const gateway = traceGateway();
    const url = await servers.start((request, response) => {
      trace.getTracer('owner').startActiveSpan('GET', { kind: SpanKind.SERVER }, (span) => {
        response.on(event, () => span.end());
        gateway(request, response, () => (event === 'finish' ? response.end() : response.write('first')));
      });
    });
    const client = get(url);
    client.on('error', () => undefined);
    const [response] = await once(client, 'response');
    if (event === 'close') client.destroy();
    else await readBody(response);
    const [sent] = await feed.wait('gateway.response_sent');
    const span = await spanOf(sent?.traceId);
    expect(span.events.map(({ name }) => name)).toEqual(['gateway.request_received', 'gateway.response_sent']);
  });

  it('is not joined when it has ended: a context that leaked from start-up', async () => {
    const gateway = traceGateway();
    const boot = trace.getTracer('boot').startSpan('boot');
    boot.end();
    const leaked = trace.setSpan(context.active(), boot);
    const url = await servers.start((request, response) => {
      context.with(leaked, () => gateway(request, response, () => response.end()));
    });
    await fetch(url);
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.spanId).not.toBe(boot.spanContext().spanId);
    expect(sdk.spans().some((span) => span.spanContext().spanId === sent?.spanId)).toBe(true);
  });
});

describe('the response', () => {
  it('is counted chunk by chunk and not changed by a byte', async () => {
    const chunks = Array.from({ length: 20 }, (_, index) => Buffer.alloc(10_000, index));
    const url = await serve(async (_, response) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await pipeline(Readable.from(chunks), response);
    });
    const body = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(body.equals(Buffer.concat(chunks))).toBe(true);
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes).toMatchObject({ 'http.response.body.size': 200_000, 'gateway.chunks': 20 });
    const first = Number(sent?.attributes['gateway.time_to_first_chunk_ms']);
    expect(first).toBeGreaterThan(15);
    expect(first).toBeLessThanOrEqual(Number(sent?.attributes['gateway.duration_ms']));
  });

  it('keeps what write and end give back, and their callbacks', async () => {
    const results: unknown[] = [];
    const url = await serve((_, response) => {
      results.push(response.write('é', 'latin1', () => results.push('written')));
      results.push(response.write(Buffer.alloc(1_000_000)));
      results.push(response.end('ü', () => results.push('ended')) === response);
    });
    const body = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(body.length).toBe(1_000_003);
    await until('the callbacks', () => results.includes('ended'));
    expect(results.slice(0, 3)).toEqual([true, false, true]);
    expect(results).toContain('written');
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes).toMatchObject({ 'http.response.body.size': 1_000_003, 'gateway.chunks': 3 });
  });

  it.each([
    ['HEAD', 200],
    ['GET', 304],
    ['GET', 204],
  ])('has no bytes for %s with %i', async (method, status) => {
    const url = await serve((_, response) => {
      response.statusCode = status;
      response.end('left out');
    });
    await fetch(url, { method });
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes).toMatchObject({
      'http.response.status_code': status,
      'http.response.body.size': 0,
      'gateway.chunks': 0,
    });
  });

  it('is cancelled when the client leaves in the middle', async () => {
    const url = await serve((_, response) => response.write('first'));
    const client = get(url);
    client.on('error', () => undefined);
    const [response] = await once(client, 'response');
    await once(response, 'data');
    client.destroy();
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent).toMatchObject({ severity: 'warn', attributes: { cancelled: true, 'http.response.body.size': 5 } });
    expect(sent?.attributes).not.toHaveProperty('error');
    expect(sent?.summary).toMatch(/^Response cancelled by the client after /);
    expect((await spanOf(sent?.traceId)).status.code).toBe(SpanStatusCode.UNSET);
  });

  it('has no status when the client leaves before it began', async () => {
    const url = await serve(() => undefined);
    const client = get(url);
    client.on('error', () => undefined);
    await feed.wait('gateway.request_received');
    client.destroy();
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes.cancelled).toBe(true);
    expect(sent?.attributes).not.toHaveProperty('http.response.status_code');
    expect(sent?.summary).toMatch(/^Response cancelled by the client after .*: nothing was sent$/);
  });

  it('stays cancelled when the application tidies up after the client', async () => {
    const url = await serve((request, response) => {
      request.once('aborted', () => response.destroy(new Error('tidied up')));
      response.write('first');
    });
    const client = get(url);
    client.on('error', () => undefined);
    await once(client, 'response');
    client.destroy();
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes.cancelled).toBe(true);
    expect(sent?.attributes).not.toHaveProperty('error');
  });

  it('over HTTP/2 counts each chunk once', async () => {
    const gateway = traceGateway();
    const server = createHttp2Server((request, response) => {
      // The compatibility API has the shape of node:http, its types only nearly.
      gateway(request as unknown as IncomingMessage, response as unknown as ServerResponse, () => {
        response.write('one');
        response.end('two');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ':path': '/h2' });
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe('onetwo');
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes).toMatchObject({ 'http.response.body.size': 6, 'gateway.chunks': 2 });
    session.close();
    server.close();
    await once(server, 'close');
  });

  it('is failed when the application destroys it', async () => {
    const url = await serve((_, response) => {
      response.write('first', () => response.destroy(Object.assign(new Error('secret'), { code: 'EUPSTREAM' })));
    });
    await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow();
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent).toMatchObject({ severity: 'error', attributes: { error: 'EUPSTREAM' } });
    expect(sent?.attributes).not.toHaveProperty('cancelled');
    const span = await spanOf(sent?.traceId);
    expect(span.attributes['error.type']).toBe('EUPSTREAM');
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(JSON.stringify(feed.activities)).not.toContain('secret');
  });

  it.each([
    [404, 'warn', SpanStatusCode.UNSET],
    [503, 'error', SpanStatusCode.ERROR],
  ])('with %i is told as %s', async (status, severity, code) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    await fetch(url);
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.severity).toBe(severity);
    expect((await spanOf(sent?.traceId)).status.code).toBe(code);
  });
});

describe('requests that are not traced', () => {
  it('passes a response on that was sent already', async () => {
    const gateway = traceGateway();
    let passed = 0;
    const url = await servers.start((request, response) => {
      response.end('sent');
      gateway(request, response, () => {
        passed += 1;
      });
    });
    expect(await (await fetch(url)).text()).toBe('sent');
    expect(passed).toBe(1);
    expect(feed.activities).toEqual([]);
  });

  it('passes upgrade requests on', async () => {
    const gateway = traceGateway();
    const { createServer, ServerResponse } = await import('node:http');
    const server = createServer();
    server.on('upgrade', (request, socket) => {
      gateway(request, new ServerResponse(request), () => {
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
      });
    });
    const { port } = new URL(await servers.listen(server));
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 101/);
    socket.destroy();
    expect(feed.activities).toEqual([]);
  });

  it('counts a request once when the middleware runs twice', async () => {
    const gateway = traceGateway();
    const url = await servers.start((request, response) => {
      const again = traceGateway();
      gateway(request, response, () =>
        gateway(request, response, () => again(request, response, () => response.end('once'))),
      );
    });
    expect(await (await fetch(url)).text()).toBe('once');
    await feed.wait('gateway.response_sent');
    expect(feed.activities).toHaveLength(2);
  });
});

describe('errors', () => {
  it('of next go to the caller as they are, and are told', async () => {
    const gateway = traceGateway();
    const thrown = new TypeError('from the application');
    let caught: unknown;
    const url = await servers.start((request, response) => {
      try {
        gateway(request, response, () => {
          throw thrown;
        });
      } catch (error) {
        caught = error;
        response.writeHead(500).end();
      }
    });
    await fetch(url);
    expect(caught).toBe(thrown);
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent).toMatchObject({ severity: 'error', attributes: { error: 'TypeError' } });
  });

  it('of ours never reach the application', async () => {
    registerPublisher({
      publish() {
        throw new Error('publisher is broken');
      },
      flush: async () => undefined,
      close: async () => undefined,
      stats: () => {
        throw new Error('no');
      },
    });
    const url = await serve(
      async (_, response) => {
        const answer = await fetch(`${url}/inner`).catch(() => undefined);
        response.end(String(answer?.status));
      },
      {
        upstream: () => {
          throw new Error('predicate is broken');
        },
      },
    );
    const gateway = traceGateway();
    const plain = await servers.start((request, response) => {
      // Neither a request nor a response: nothing of ours may throw.
      gateway(Object.create(null), Object.create(null), () => response.end(`still here ${request.url}`));
    });
    expect(await (await fetch(`${plain}/x`)).text()).toBe('still here /x');
  });

  it('of configuration are told at start', () => {
    const wrong: Record<string, unknown>[] = [
      { trustIncomingTrace: 'no' },
      { captureContent: 1 },
      { upstream: true },
      { bodyBytesMax: 10 },
      { bodyBytesMax: 262_145 },
    ];
    for (const options of wrong) {
      expect(() => traceGateway(options as TraceGatewayOptions)).toThrow(Object.keys(options)[0]);
    }
  });
});

describe('a request body', () => {
  it('is neither consumed nor held back', async () => {
    const body = Buffer.alloc(2_000_000, 'abc');
    const url = await serve(async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      // Nobody reads yet: were we to, all of it would have been buffered or lost by now.
      const buffered = request.readableLength;
      response.end(JSON.stringify({ buffered, length: (await readBody(request)).length }));
    });
    const answer = (await (await fetch(url, { method: 'POST', body })).json()) as { buffered: number; length: number };
    expect(answer.length).toBe(body.length);
    expect(answer.buffered).toBeLessThan(500_000);
  });

  it('may go unread', async () => {
    const url = await serve((_, response) => response.end('early'));
    const client = httpRequest(url, { method: 'POST' });
    client.end('unread');
    const [response] = await once(client, 'response');
    expect(await readBody(response)).toBe('early');
    await feed.wait('gateway.response_sent');
  });
});
