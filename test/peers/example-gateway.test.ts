import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { type Example, startExample } from '../examples/support/example.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { against, whyNot } from './at-hand.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { type HeldUpstream, holdUpstream } from './support/held-upstream.ts';
import { type Livespan, startLivespan } from './support/livespan.ts';
import { until } from './support/program.ts';
import { type Reader, startReader } from './support/reader.ts';
import { startTempo, type Tempo, type TempoSpan } from './support/tempo.ts';

const PEERS = ['collector', 'tempo'] as const;
const REGISTER = new URL('../../src/register.ts', import.meta.url).href;
const CALL_ID = 'the-call';

describe.skipIf(whyNot(...PEERS))(`the example gateway with livespan/register, ${against(...PEERS)}`, () => {
  let redis: RedisServer;
  let livespan: Livespan;
  let tempo: Tempo;
  let collector: Collector;
  let reader: Reader;
  let upstream: Example;
  let held: HeldUpstream;
  let gateway: Example;
  let client: OpenAI;

  beforeAll(async () => {
    redis = await startRedis();
    const feed = uniqueFeed();
    [livespan, tempo] = await Promise.all([startLivespan({ redisUrl: redis.url, feed }), startTempo()]);
    collector = await startCollector(['config.yaml'], {
      LIVESPAN_OTLP_ENDPOINT: livespan.otlpHttpUrl,
      LIVESPAN_TOKEN: livespan.token,
      TEMPO_OTLP_ENDPOINT: tempo.otlp,
    });
    upstream = await startExample('gateway/upstream.js', {});
    held = await holdUpstream(upstream.url);
    gateway = await startExample(
      'gateway/server.js',
      {
        UPSTREAM_URL: held.url,
        LIVESPAN_URL: redis.url,
        LIVESPAN_FEED: feed,
        OTEL_SERVICE_NAME: 'gateway',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.grpcPort}`,
        OTEL_BSP_SCHEDULE_DELAY: '2000',
      },
      ['--import', REGISTER],
    );
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'not-a-real-key', maxRetries: 0 });
    reader = startReader(livespan);
  }, 90_000);

  afterAll(async () => {
    await reader?.close();
    await gateway?.stop();
    await held?.close();
    await upstream?.stop();
    await collector?.stop();
    await Promise.all([livespan?.stop(), tempo?.stop()]);
    await redis?.stop();
  });

  const eventsOf = (callId: string): Activity[] =>
    reader.activities.filter(({ kind, callId: of }) => kind === 'event' && of === callId);
  const ask = (callId: string) =>
    client.chat.completions.create(
      { model: 'normal', messages: [{ role: 'user', content: 'What is a span?' }] },
      { headers: { 'x-request-id': callId } },
    );
  const isDone = (callId: string) => eventsOf(callId).some(({ name }) => name === 'gateway.response_sent');

  it('has each event on the feed before history has any, and then the same event, by its id, in the trace in Tempo', async () => {
    // The first call opens connections; what a user waits for is what comes after it.
    await ask('warm-up');
    await reader.until('the first call', () => isDone('warm-up'));
    await ask(CALL_ID);
    await reader.until('the call', () => isDone(CALL_ID));
    const live = eventsOf(CALL_ID);
    expect(live.length).toBeGreaterThanOrEqual(6);
    const traceId = live[0]?.traceId ?? '';
    // The whole call has been seen, and its spans have not even left the gateway, where they wait for company.
    expect(await tempo.trace(traceId)).toEqual([]);

    let spans: TempoSpan[] = [];
    await until(
      'the trace in Tempo, whole',
      async () => {
        spans = await tempo.trace(traceId);
        return spans.flatMap(({ events }) => events).length >= live.length;
      },
      {
        timeoutMs: 20_000,
        describe: () => JSON.stringify({ live: live.map(({ name }) => name), spans }, undefined, 1),
      },
    );
    const inTempo = spans.flatMap(({ spanId, events }) =>
      events.map(({ name, attributes }) => ({ id: attributes['livespan.id'], name, spanId })),
    );
    const onFeed = live.map(({ id, name, spanId }) => ({ id, name, spanId }));
    const byId = (left: { id?: unknown }, right: { id?: unknown }) => String(left.id).localeCompare(String(right.id));
    expect(inTempo.sort(byId)).toEqual(onFeed.sort(byId));
  }, 60_000);

  it('has each event on the feed while the call goes on: nothing waits for its end', async () => {
    const letGo = held.hold();
    const progress: string[] = [];
    const answer = ask('held').then(() => progress.push('answered'));
    try {
      // The upstream has sent half of its answer and keeps the rest until all this has been seen.
      await reader.until('what led up to the rest', () =>
        eventsOf('held').some(({ name }) => name === 'chat.answered'),
      );
      progress.push('events seen');
      expect(eventsOf('held').map(({ name }) => name)).toEqual([
        'gateway.request_received',
        'chat.accepted',
        'gateway.request_sent',
        'gateway.response_received',
        'chat.answered',
      ]);
      const traceId = eventsOf('held')[0]?.traceId;
      const kinds = reader.activities.filter(({ traceId: of }) => of === traceId).map(({ kind }) => kind);
      expect(kinds).toContain('span.start');
      expect(kinds).not.toContain('span.end');
    } finally {
      letGo();
    }
    await answer;
    expect(progress).toEqual(['events seen', 'answered']);
    await reader.until('the end of the call', () => isDone('held'));
  }, 60_000);

  it('has nothing twice, although the Collector sends everything to livespan as well', async () => {
    const traceIds = new Set(eventsOf(CALL_ID).map(({ traceId }) => traceId));
    // The Collector has had the spans by now; its answer from livespan says that they were taken.
    const sent = () => collector.figure('otelcol_exporter_sent_spans', 'exporter="otlp_http/livespan"');
    await until('livespan answered for the spans', async () => (await sent()) > 0);
    const marked = async () =>
      Number(/^livespan_otlp_already_live_total\S* (\d+)/m.exec(await livespan.metrics())?.[1]);
    await until('they were known to be live already', async () => (await marked()) > 0);
    const ends = reader.activities.filter(({ kind, traceId }) => kind === 'span.end' && traceIds.has(traceId));
    expect(ends.length).toBeGreaterThan(0);
    expect(new Set(ends.map(({ spanId }) => spanId)).size).toBe(ends.length);
    expect(new Set(reader.activities.map(({ id, kind }) => `${kind} ${id}`)).size).toBe(reader.activities.length);
    expect(reader.losses).toEqual([]);
  }, 60_000);

  it('goes on live when the Collector is killed', async () => {
    await collector.kill();
    await ask('without-collector');
    await reader.until('the call', () => isDone('without-collector'));
    expect(eventsOf('without-collector').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['gateway.request_received', 'chat.accepted', 'chat.answered', 'gateway.response_sent']),
    );
    expect(reader.losses).toEqual([]);
  });
});
