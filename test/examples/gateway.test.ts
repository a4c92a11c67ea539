import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { type Example, startExample } from './support/example.ts';
import { eventsOf, type FeedReader, readFeed } from './support/feed.ts';

let redis: RedisServer;
let upstream: Example;
let gateway: Example;
let feed: FeedReader;
let client: OpenAI;

beforeAll(async () => {
  redis = await startRedis();
  const name = uniqueFeed();
  upstream = await startExample('gateway/upstream.js', {});
  gateway = await startExample('gateway/server.js', {
    UPSTREAM_URL: upstream.url,
    LIVESPAN_URL: redis.url,
    LIVESPAN_FEED: name,
    OTEL_SERVICE_NAME: 'gateway',
    OTEL_TRACES_EXPORTER: 'none',
  });
  feed = readFeed(redis, name);
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'not-a-real-key', maxRetries: 0 });
});

afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  await redis?.stop();
});

const messages = [{ role: 'user' as const, content: 'What is a span?' }];
const as = (callId: string) => ({ headers: { 'x-request-id': callId } });

/** The events of a call once its last one is there. */
async function call(callId: string, sent = 1) {
  const done = await feed.until(
    `gateway.response_sent of ${callId}`,
    (all) => eventsOf(all, callId).filter(({ name }) => name === 'gateway.response_sent').length >= sent,
  );
  const events = eventsOf(done, callId);
  const named = (name: string) => events.filter((event) => event.name === name);
  return { events, named, names: events.map(({ name }) => name), all: done };
}

describe('the gateway example, driven by the openai client', () => {
  it('lists models', async () => {
    const models = await client.models.list(as('models'));
    expect(models.data.map(({ id }) => id)).toContain('normal');
    expect((await call('models')).names).toEqual([
      'gateway.request_received',
      'gateway.request_sent',
      'gateway.response_received',
      'gateway.response_sent',
    ]);
  });

  it('answers at once, and each step is on the feed once', async () => {
    const answer = await client.chat.completions.create({ model: 'normal', messages }, as('plain'));
    expect(answer.choices[0]?.message.content).toBe('You said: What is a span?');
    const { names, named, events } = await call('plain');
    expect([...names].sort()).toEqual([
      'chat.accepted',
      'chat.answered',
      'gateway.request_received',
      'gateway.request_sent',
      'gateway.response_received',
      'gateway.response_sent',
    ]);
    expect(names.slice(0, 4)).toEqual([
      'gateway.request_received',
      'chat.accepted',
      'gateway.request_sent',
      'gateway.response_received',
    ]);
    expect(named('gateway.request_sent')[0]).toMatchObject({
      summary: `Request sent: normal (stream=false) to ${new URL(upstream.url).host}`,
      attributes: { 'gen_ai.request.model': 'normal', 'gen_ai.operation.name': 'chat', stream: false },
    });
    expect(named('gateway.response_sent')[0]?.attributes).toMatchObject({
      'http.response.status_code': 200,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': answer.usage?.prompt_tokens,
      'gen_ai.usage.output_tokens': answer.usage?.completion_tokens,
    });
    expect(events.every(({ service, traceId }) => service === 'gateway' && traceId === events[0]?.traceId)).toBe(true);
    expect(JSON.stringify(events)).not.toMatch(/What is a span|not-a-real-key/);
  });

  it('streams, and its span is on the feed before the answer has ended', async () => {
    const stream = await client.chat.completions.create(
      { model: 'slow', messages, stream: true, stream_options: { include_usage: true } },
      as('streamed'),
    );
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    let early: string[] = [];
    for await (const chunk of stream) {
      if (early.length === 0) {
        const all = await feed.until('the first events', (seen) => eventsOf(seen, 'streamed').length >= 3);
        early = eventsOf(all, 'streamed').map(({ name }) => name);
        const traceId = eventsOf(all, 'streamed')[0]?.traceId;
        expect(all.some(({ kind, traceId: of }) => kind === 'span.start' && of === traceId)).toBe(true);
      }
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    expect(text).toBe('You said: What is a span?');
    expect(usage?.total_tokens).toBeGreaterThan(0);
    expect(early).not.toContain('gateway.response_sent');

    const { named } = await call('streamed');
    const done = named('gateway.response_sent')[0];
    expect(done?.attributes).toMatchObject({
      'gen_ai.usage.input_tokens': usage?.prompt_tokens,
      'gen_ai.usage.output_tokens': usage?.completion_tokens,
      'gen_ai.response.finish_reasons': ['stop'],
    });
    expect(Number(done?.attributes['gateway.chunks'])).toBeGreaterThan(1);
    expect(Number(done?.attributes['gen_ai.response.time_to_first_chunk'])).toBeGreaterThan(0.25);
  });

  it('passes tool calls on', async () => {
    const answer = await client.chat.completions.create({ model: 'tools', messages, stream: true }, as('tools'));
    let text = '';
    for await (const chunk of answer) text += chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? '';
    expect(JSON.parse(text)).toEqual({ city: 'Bern' });
    const { named } = await call('tools');
    expect(named('gateway.response_sent')[0]?.attributes['gen_ai.response.finish_reasons']).toEqual(['tool_calls']);
  });

  it('tries again when the upstream is overloaded: one pair for each attempt', async () => {
    await client.chat.completions.create({ model: 'overloaded-1', messages }, as('retried'));
    const { names, named } = await call('retried');
    expect(named('gateway.response_received').map(({ attributes }) => attributes['http.response.status_code'])).toEqual(
      [529, 200],
    );
    expect(named('gateway.request_sent').map(({ attributes }) => attributes['upstream.attempt'])).toEqual([1, 2]);
    expect(names.filter((name) => name === 'chat.retried')).toHaveLength(1);
  });

  it('shows each try of a client that tries again', async () => {
    const patient = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'not-a-real-key', maxRetries: 2 });
    await patient.chat.completions.create({ model: 'overloaded-2', messages }, as('patient'));
    const { named } = await call('patient', 2);
    expect(
      named('gateway.response_sent').map(({ severity, attributes }) => [
        severity,
        attributes['http.response.status_code'],
      ]),
    ).toEqual([
      ['error', 529],
      ['info', 200],
    ]);
    expect(new Set(named('gateway.request_received').map(({ traceId }) => traceId)).size).toBe(2);
  });

  it('passes an error on', async () => {
    const refused = client.chat.completions.create({ model: 'overloaded', messages }, as('refused'));
    await expect(refused).rejects.toMatchObject({ status: 529 });
    expect((await call('refused')).named('gateway.response_sent')[0]?.severity).toBe('error');
    const bad = client.chat.completions.create({ model: 7 as unknown as string, messages }, as('bad'));
    await expect(bad).rejects.toMatchObject({ status: 400 });
    expect((await call('bad')).names).toEqual(['gateway.request_received', 'chat.refused', 'gateway.response_sent']);
  });

  it('tells an upstream that breaks in the middle of a stream', async () => {
    const stream = await client.chat.completions.create({ model: 'broken', messages, stream: true }, as('broken'));
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow();
    const { named } = await call('broken');
    expect(named('gateway.response_received')[0]?.attributes['http.response.status_code']).toBe(200);
    const done = named('gateway.response_sent')[0];
    expect(done?.severity).toBe('error');
    expect(done?.attributes.error).toBeTypeOf('string');
    expect(done?.attributes.cancelled).toBeUndefined();
    expect(done?.attributes['upstream.errors']).toHaveLength(1);
  });

  it('tells a client that leaves in the middle', async () => {
    const stream = await client.chat.completions.create({ model: 'slow', messages, stream: true }, as('left'));
    for await (const _ of stream) break;
    stream.controller.abort();
    const { named } = await call('left');
    expect(named('gateway.response_sent')[0]).toMatchObject({ severity: 'warn', attributes: { cancelled: true } });
  });
});
