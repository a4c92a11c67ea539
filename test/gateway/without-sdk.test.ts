import { context, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { createPublisher, registerPublisher } from '../../src/sdk/publisher.ts';
import { traceGateway } from '../../src/sdk/trace-gateway.ts';
import { readBody, record, Servers, until } from './support/harness.ts';

const servers = new Servers();

afterEach(async () => {
  registerPublisher(undefined);
  await servers.close();
});

async function gatewayTo(upstream: string): Promise<string> {
  const gateway = traceGateway();
  return servers.start((request, response) => {
    gateway(request, response, async () => {
      await new Promise(setImmediate);
      const answer = await fetch(`${upstream}/ok`, { method: 'POST', body: await readBody(request) });
      response.end(await answer.text());
    });
  });
}

describe('without an OpenTelemetry provider or context manager', () => {
  it('passes everything through when no publisher is there either', async () => {
    const upstream = await servers.start(async (request, response) => response.end(await readBody(request)));
    const url = await gatewayTo(upstream);
    expect(await (await fetch(url, { method: 'POST', body: 'ping' })).text()).toBe('ping');
  });

  it('gives the four live events under one call id, with the incoming trace', async () => {
    expect(trace.getTracer('x').startSpan('y').isRecording()).toBe(false);
    expect(
      context.with(context.active().setValue(Symbol.for('test'), 1), () =>
        context.active().getValue(Symbol.for('test')),
      ),
    ).toBeUndefined();
    const feed = record();
    const upstream = await servers.start(async (request, response) => response.end(await readBody(request)));
    const url = await gatewayTo(upstream);
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await Promise.all(
      ['a', 'b'].map((id) =>
        fetch(url, { method: 'POST', body: id, headers: { 'x-request-id': id, traceparent } }).then((r) => r.text()),
      ),
    );
    await feed.wait('gateway.response_sent', 2);
    for (const id of ['a', 'b']) {
      const own = feed.activities.filter(({ callId }) => callId === id);
      expect(own.map(({ name }) => name)).toEqual([
        'gateway.request_received',
        'gateway.request_sent',
        'gateway.response_received',
        'gateway.response_sent',
      ]);
      expect(own.every(({ traceId }) => traceId === '4bf92f3577b34da6a3ce929d0e0e4736')).toBe(true);
    }
  });

  it('makes up a call id where there is neither a request id nor a trace', async () => {
    const feed = record();
    const upstream = await servers.start((_, response) => response.end());
    await fetch(await gatewayTo(upstream), { method: 'POST', body: 'x' });
    await feed.wait('gateway.response_sent');
    const ids = new Set(feed.activities.map(({ callId }) => callId));
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  it('does not see our own publisher over HTTP', async () => {
    const ingested: string[] = [];
    const log = await servers.start(async (request, response) => {
      const { activities } = JSON.parse(await readBody(request)) as { activities: { name: string }[] };
      ingested.push(...activities.map(({ name }) => name));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ accepted: activities.length, rejected: [] }));
    });
    const publisher = createPublisher({ url: log });
    registerPublisher(publisher);
    const upstream = await servers.start((_, response) => response.end('up'));
    const url = await gatewayTo(upstream);
    const requests = 20;
    for (let i = 0; i < requests; i += 1) await (await fetch(url, { method: 'POST', body: 'x' })).text();
    const count = () => ingested.filter((name) => name.startsWith('gateway.')).length;
    await until('all events', () => count() >= requests * 4);
    await publisher.flush();
    expect(count()).toBe(requests * 4);
    registerPublisher(undefined);
    await publisher.close();
  });
});
