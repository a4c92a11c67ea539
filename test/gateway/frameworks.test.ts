import { createServer } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import fastify from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { emitEvent } from '../../src/sdk/emitter.ts';
import { registerPublisher } from '../../src/sdk/publisher.ts';
import { traceGateway } from '../../src/sdk/trace-gateway.ts';
import { type Recorder, record, type Sdk, Servers, startSdk, until } from './support/harness.ts';

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

function spanNamed(name: string) {
  return until(`a span ${name}`, () => sdk.spans().find((span) => span.name === name));
}

describe('express', () => {
  it('gets events with the call id in handlers behind a body parser, and the route as the name of the span', async () => {
    const app = express();
    app.use(traceGateway());
    app.use(express.json());
    const router = express.Router();
    router.post('/items/:id', async (request: Request, response: Response) => {
      await new Promise(setImmediate);
      emitEvent('item.saved', { data: { id: request.params.id, body: request.body } });
      response.status(201).json({ saved: true });
    });
    app.use('/api', router);
    const url = await servers.listen(createServer(app));

    const headers = { 'content-type': 'application/json', 'x-request-id': 'call-e' };
    const answer = await fetch(`${url}/api/items/7`, { method: 'POST', headers, body: '{"a":1}' });
    expect(await answer.json()).toEqual({ saved: true });
    await feed.wait('gateway.response_sent');
    expect(feed.activities.map(({ name, callId }) => `${name} ${callId}`)).toEqual([
      'gateway.request_received call-e',
      'item.saved call-e',
      'gateway.response_sent call-e',
    ]);
    expect(feed.named('item.saved')[0]?.attributes).toEqual({ id: '7', 'body.a': 1 });
    expect((await spanNamed('POST /api/items/:id')).attributes['http.route']).toBe('/api/items/:id');
  });

  it('keeps its error handling: next(err) and a handler that throws', async () => {
    const app = express();
    app.use(traceGateway());
    app.get('/next', (_request: Request, _response: Response, next: NextFunction) => next(new Error('handed on')));
    app.get('/throws', () => {
      throw new Error('thrown');
    });
    app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
      response.status(500).json({ message: error.message });
    });
    const url = await servers.listen(createServer(app));
    expect(await (await fetch(`${url}/next`)).json()).toEqual({ message: 'handed on' });
    expect(await (await fetch(`${url}/throws`)).json()).toEqual({ message: 'thrown' });
    const sent = await feed.wait('gateway.response_sent', 2);
    expect(sent.map(({ severity, attributes }) => [severity, attributes.error])).toEqual([
      ['error', '500'],
      ['error', '500'],
    ]);
  });
});

describe('fastify', () => {
  it('gets events with the call id behind its body parser, knows the route at once, and streams', async () => {
    const app = fastify();
    app.addHook('onRequest', traceGateway());
    app.post<{ Params: { id: string } }>('/items/:id', async (request, reply) => {
      emitEvent('item.saved', { data: { id: request.params.id, body: request.body } });
      reply.raw.setHeader('content-type', 'text/plain');
      return reply.send(ReadableStream.from(['one', 'two']));
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const address = app.server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const headers = { 'content-type': 'application/json', 'x-request-id': 'call-f' };
    const answer = await fetch(`http://127.0.0.1:${port}/items/7`, { method: 'POST', headers, body: '{"a":1}' });
    expect(await answer.text()).toBe('onetwo');
    const [sent] = await feed.wait('gateway.response_sent');
    expect(feed.activities.map(({ name, callId }) => `${name} ${callId}`)).toEqual([
      'gateway.request_received call-f',
      'item.saved call-f',
      'gateway.response_sent call-f',
    ]);
    expect(sent?.attributes).toMatchObject({ 'http.response.body.size': 6, 'gateway.chunks': 2 });
    expect((await spanNamed('POST /items/:id')).attributes['http.route']).toBe('/items/:id');
    await app.close();
  });
});

describe('plain node:http without next', () => {
  it('gives the rest of the handler to the request: its call id and its upstream calls', async () => {
    const gateway = traceGateway();
    const upstream = await servers.start((_, response) => response.end('up'));
    const url = await servers.start(async (request, response) => {
      gateway(request, response);
      request.on('end', () => emitEvent('step.listener'));
      request.resume();
      await (await fetch(`${upstream}/ok`)).text();
      emitEvent('step.awaited');
      response.end();
    });
    const [first] = await Promise.all(
      ['call-p', 'call-q'].map((id) => fetch(url, { headers: { 'x-request-id': id } }).then((answer) => answer.text())),
    );
    expect(first).toBe('');
    await feed.wait('gateway.response_sent', 2);
    for (const id of ['call-p', 'call-q']) {
      const names = feed.activities.filter(({ callId }) => callId === id).map(({ name }) => name);
      expect([...names].sort()).toEqual([
        'gateway.request_received',
        'gateway.request_sent',
        'gateway.response_received',
        'gateway.response_sent',
        'step.awaited',
        'step.listener',
      ]);
    }
  });
});
