import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

const CHUNK = 'data: {"choices":[{"delta":{"content":"a secret"}}]}\n\n';

/** A gateway that answers a request to a model by itself, one chunk at each step, until it is ended. */
async function serve(path: string) {
  const gateway = traceGateway();
  const held: { write(): void; end(): void }[] = [];
  const url = await servers.start((request, response) =>
    gateway(request, response, () => {
      response.setHeader('content-type', 'text/event-stream');
      held.push({ write: () => void response.write(CHUNK), end: () => void response.end('data: [DONE]\n\n') });
    }),
  );
  const answer = fetch(`${url}${path}`, { method: 'POST', headers: { 'x-request-id': 'call-1' }, body: '{}' });
  const [response] = await until('the request', () => held.length > 0 && held);
  if (response === undefined) throw new Error('no response');
  return { ...response, text: async () => (await answer).text() };
}

describe('an answer that streams', () => {
  it('is told with its first chunk and now and then, on the feed and not on the span', async () => {
    const { write, end, text } = await serve('/v1/chat/completions');
    write();
    const [first] = await feed.wait('gateway.response_progress');
    expect(first).toMatchObject({
      severity: 'debug',
      callId: 'call-1',
      attributes: { 'gateway.chunks': 1, 'http.response.body.size': CHUNK.length },
    });
    expect(first?.attributes['gateway.time_to_first_chunk_ms']).toBeGreaterThan(0);
    expect(first?.summary).toMatch(/^Response goes on: 1 chunk, \d+ bytes after /);
    const startMs = performance.now();
    let chunks = 1;
    while (feed.named('gateway.response_progress').length < 3) {
      if (performance.now() - startMs > 15_000) throw new Error('nothing was told of what went on');
      write();
      chunks += 1;
      await sleep(10);
    }
    // At most one a second.
    expect(performance.now() - startMs).toBeGreaterThan(1_900);
    end();
    await text();
    const [sent] = await feed.wait('gateway.response_sent');
    expect(sent?.attributes['gateway.chunks']).toBe(chunks + 1);
    const told = feed.named('gateway.response_progress');
    expect(told).toHaveLength(3);
    const counts = told.map(({ attributes }) => Number(attributes['gateway.chunks']));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[2]).toBe(chunks);
    expect(new Set(told.map(({ traceId, spanId }) => `${traceId}/${spanId}`))).toEqual(
      new Set([`${sent?.traceId}/${sent?.spanId}`]),
    );
    expect(JSON.stringify(told)).not.toContain('secret');
    const span = await until('the span', () => sdk.spans().find((one) => one.spanContext().spanId === sent?.spanId));
    expect(span.events.map(({ name }) => name)).toEqual(['gateway.request_received', 'gateway.response_sent']);
  });

  it('is not told where no model answers', async () => {
    const { write, end, text } = await serve('/events');
    write();
    write();
    end();
    await text();
    await feed.wait('gateway.response_sent');
    expect(feed.named('gateway.response_progress')).toEqual([]);
  });
});
