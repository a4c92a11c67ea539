import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { against, whyNot } from './at-hand.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { type Livespan, startLivespan } from './support/livespan.ts';
import { until } from './support/program.ts';
import { type Reader, spanCounts, startReader, traceIdsOf } from './support/reader.ts';
import { generateLogs, generateTraces } from './support/telemetrygen.ts';
import { startTempo, type Tempo } from './support/tempo.ts';

const PEERS = ['collector', 'telemetrygen', 'tempo'] as const;

describe.skipIf(whyNot(...PEERS))(`collector/gateway.yaml with sampling, ${against(...PEERS)}`, () => {
  let redis: RedisServer;
  let servers: Livespan[] = [];
  let tempo: Tempo;
  let collector: Collector;
  let reader: Reader;

  beforeAll(async () => {
    redis = await startRedis();
    const feed = uniqueFeed();
    const start = () => startLivespan({ redisUrl: redis.url, feed });
    [servers, tempo] = await Promise.all([Promise.all([start(), start()]), startTempo()]);
    const [first, second] = servers;
    if (first === undefined || second === undefined) throw new Error('no servers');
    collector = await startCollector(['gateway.yaml', 'gateway-sampling.yaml'], {
      LIVESPAN_1_ENDPOINT: first.otlpGrpc,
      LIVESPAN_2_ENDPOINT: second.otlpGrpc,
      LIVESPAN_TOKEN: first.token,
      TEMPO_OTLP_ENDPOINT: tempo.otlp,
      SAMPLING_DECISION_WAIT: '1s',
      SAMPLING_PERCENT: '0',
    });
    reader = startReader(first);
  }, 90_000);

  afterAll(async () => {
    await reader?.close();
    await collector?.kill();
    await Promise.all([...servers.map((server) => server.stop()), tempo?.stop()]);
    await redis?.stop();
  });

  it('spreads traces over the servers, keeps a trace together, and every reader sees all of them once', async () => {
    const [traces, spansEach, service] = [100, 4, 'spread'];
    await generateTraces({ port: collector.grpcPort, traces, spansEach, service });
    await reader.until('all spans', (all) => spanCounts(all, service).size >= traces * spansEach);
    const counts = spanCounts(reader.activities, service);
    expect(counts.size).toBe(traces * spansEach);
    expect(Math.max(...counts.values())).toBe(1);
    const taken = await Promise.all(
      servers.map(async (server) =>
        Number(/^livespan_otlp_items_total\{signal="spans"[^}]*\} (\d+)/m.exec(await server.metrics())?.[1]),
      ),
    );
    expect(taken.reduce((sum, count) => sum + count, 0)).toBe(traces * spansEach);
    // A trace is never cut in two, so what each server took is whole traces.
    for (const count of taken) {
      expect(count).toBeGreaterThan(0);
      expect(count % spansEach).toBe(0);
    }
  }, 60_000);

  it('shows everything live while Tempo keeps the traces with an error', async () => {
    const send = (service: string, statusCode: 'Ok' | 'Error') =>
      generateTraces({ port: collector.grpcPort, traces: 20, spansEach: 2, service, statusCode });
    await send('fine', 'Ok');
    await send('failing', 'Error');
    for (const service of ['fine', 'failing']) {
      await reader.until(`the spans of ${service}`, (all) => spanCounts(all, service).size >= 40);
      expect(Math.max(...spanCounts(reader.activities, service).values())).toBe(1);
    }
    const kept = async (service: string): Promise<number> => {
      let count = 0;
      for (const traceId of traceIdsOf(reader.activities, service)) count += (await tempo.trace(traceId)).length;
      return count;
    };
    await until('the failing traces in Tempo', async () => (await kept('failing')) >= 40);
    expect(await kept('failing')).toBe(40);
    expect(await kept('fine')).toBe(0);
  }, 60_000);

  it('brings each log to the feed once', async () => {
    await generateLogs({ port: collector.grpcPort, logs: 200, service: 'logs', body: 'told' });
    const logs = () => reader.activities.filter(({ kind, service }) => kind === 'log' && service === 'logs');
    await reader.until('200 logs', () => logs().length >= 200);
    expect(new Set(logs().map(({ id }) => id)).size).toBe(logs().length);
    expect(logs()).toHaveLength(200);
    expect(reader.losses).toEqual([]);
  });
});
