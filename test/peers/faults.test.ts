import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { against, whyNot } from './at-hand.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { type Livespan, startLivespan } from './support/livespan.ts';
import { until } from './support/program.ts';
import { type Reader, spanCounts, startReader, traceIdsOf } from './support/reader.ts';
import { generateTraces } from './support/telemetrygen.ts';
import { startTempo, type Tempo } from './support/tempo.ts';

const PEERS = ['collector', 'telemetrygen', 'tempo'] as const;
const TRACES = 100;
const SPANS_EACH = 5;
const SPANS = TRACES * SPANS_EACH;

describe.skipIf(whyNot(...PEERS))(`when a part of the pipeline is down, ${against(...PEERS)}`, () => {
  let redis: RedisServer;
  let livespan: Livespan;
  let tempo: Tempo;
  let collector: Collector;
  let reader: Reader;

  beforeAll(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    [livespan, tempo] = await Promise.all([startLivespan({ redisUrl: redis.url, feed: uniqueFeed() }), startTempo()]);
    collector = await startCollector(['config.yaml'], {
      LIVESPAN_OTLP_ENDPOINT: livespan.otlpHttpUrl,
      LIVESPAN_TOKEN: livespan.token,
      TEMPO_OTLP_ENDPOINT: tempo.otlp,
    });
    reader = startReader(livespan);
  }, 90_000);

  afterAll(async () => {
    await reader?.close();
    await collector?.kill();
    await Promise.all([livespan?.stop(), tempo?.stop()]);
    await redis?.stop();
  });

  const send = (service: string): Promise<void> =>
    generateTraces({ port: collector.grpcPort, traces: TRACES, spansEach: SPANS_EACH, service });

  async function expectOnFeedOnce(service: string): Promise<void> {
    await reader.until(`${SPANS} spans of ${service}`, (all) => spanCounts(all, service).size >= SPANS);
    const counts = spanCounts(reader.activities, service);
    expect(counts.size).toBe(SPANS);
    expect(Math.max(...counts.values())).toBe(1);
  }

  async function expectInTempo(service: string): Promise<void> {
    const traceIds = traceIdsOf(reader.activities, service);
    expect(traceIds).toHaveLength(TRACES);
    let found = 0;
    await until(`${SPANS} spans of ${service} in Tempo`, async () => {
      found = 0;
      for (const traceId of traceIds) found += (await tempo.trace(traceId)).length;
      return found >= SPANS;
    });
    expect(found).toBe(SPANS);
  }

  it('Tempo down: the live side goes on, and Tempo has everything once it is back', async () => {
    await tempo.kill();
    await send('tempo-down');
    await expectOnFeedOnce('tempo-down');
    await until('spans wait for Tempo', async () => {
      return (await collector.figure('otelcol_exporter_queue_size', 'exporter="otlp_grpc/tempo"')) > 0;
    });
    await tempo.restart();
    await expectInTempo('tempo-down');
    await expectOnFeedOnce('tempo-down');
  }, 120_000);

  it('livespan down: Tempo goes on, and the feed has each span once when it is back', async () => {
    await livespan.kill();
    await send('livespan-down');
    const sent = () => collector.figure('otelcol_exporter_sent_spans', 'exporter="otlp_grpc/tempo"');
    await until('Tempo has them meanwhile', async () => (await sent()) >= 2 * SPANS);
    expect(spanCounts(reader.activities, 'livespan-down').size).toBe(0);
    await livespan.restart();
    await expectOnFeedOnce('livespan-down');
    await expectInTempo('livespan-down');
  }, 120_000);

  it('Redis down: livespan answers overload, the Collector tries again, and each span is there once', async () => {
    await redis.kill();
    await send('redis-down');
    const overloads = async () =>
      Number(/^livespan_otlp_overloads_total\S* (\d+)/m.exec(await livespan.metrics())?.[1]);
    await until('an overload', async () => (await overloads()) > 0);
    expect(spanCounts(reader.activities, 'redis-down').size).toBe(0);
    await redis.restart();
    await expectOnFeedOnce('redis-down');
    await expectInTempo('redis-down');
    expect(await collector.figure('otelcol_exporter_send_failed_spans')).toBe(0);
  }, 120_000);

  it('nothing was lost on the way to a reader who stayed all along', () => {
    expect(reader.losses).toEqual([]);
  });
});
