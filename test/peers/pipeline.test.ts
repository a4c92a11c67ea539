import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { against, peerPath, whyNot } from './at-hand.ts';
import { run } from './progress.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { type Livespan, startLivespan } from './support/livespan.ts';
import { until } from './support/program.ts';
import { type Reader, spanCounts, startReader, traceIdsOf } from './support/reader.ts';
import { generateLogs, generateTraces } from './support/telemetrygen.ts';
import { findSpans, startTempo, type Tempo } from './support/tempo.ts';

const PEERS = ['collector', 'telemetrygen', 'tempo'] as const;

describe.skipIf(whyNot(...PEERS))(`collector/config.yaml, ${against(...PEERS)}`, () => {
  let redis: RedisServer;
  let livespan: Livespan;
  let tempo: Tempo;
  let collector: Collector;
  let reader: Reader;

  beforeAll(async () => {
    redis = await startRedis();
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
    await collector?.stop();
    await Promise.all([livespan?.stop(), tempo?.stop()]);
    await redis?.stop();
  });

  it.each([
    // As fast as it can, telemetrygen overruns its own queue and drops spans before it sends them.
    { by: 'gRPC', service: 'by-grpc', http: false, traces: 500, spansEach: 20, rate: 4_000 },
    { by: 'HTTP', service: 'by-http', http: true, traces: 200, spansEach: 5, rate: 0 },
  ])(
    'brings every one of $traces × $spansEach spans of telemetrygen by $by to the feed once and to Tempo, by trace id',
    async ({ service, http, traces, spansEach, rate }) => {
      const port = http ? collector.httpPort : collector.grpcPort;
      await generateTraces({ port, traces, spansEach, service, http, rate });
      await reader.until(`${traces * spansEach} spans`, (all) => spanCounts(all, service).size >= traces * spansEach);
      const counts = spanCounts(reader.activities, service);
      expect(counts.size).toBe(traces * spansEach);
      expect([...counts.values()].every((times) => times === 1)).toBe(true);

      const traceIds = traceIdsOf(reader.activities, service);
      expect(traceIds).toHaveLength(traces);
      const ofService = reader.activities.filter((each) => each.kind === 'span.end' && each.service === service);
      const spans = new Map(ofService.map(({ spanId = '', traceId = '' }) => [spanId, traceId]));
      const inTempo = new Set<string>();
      await until('all spans in Tempo', async () => {
        await findSpans(tempo, spans, inTempo);
        return inTempo.size >= traces * spansEach;
      });
      expect([...inTempo].sort()).toEqual([...counts.keys()].sort());
      expect(reader.losses).toEqual([]);
    },
    90_000,
  );

  it('brings every log record to the feed once', async () => {
    const traceId = 'ae87dadd90e9935a4bc9660628efd569';
    await generateLogs({ port: collector.grpcPort, logs: 500, service: 'logs', body: 'the 5th message', traceId });
    const logs = () => reader.activities.filter(({ kind, service }) => kind === 'log' && service === 'logs');
    await reader.until('500 logs', () => logs().length >= 500);
    // Whatever would come twice comes with the next batch at the latest.
    await generateLogs({ port: collector.httpPort, logs: 1, service: 'last', body: 'last', http: true });
    await reader.until('the last log', (all) => all.some(({ service }) => service === 'last'));
    expect(logs()).toHaveLength(500);
    expect(new Set(logs().map(({ id }) => id)).size).toBe(500);
    expect(logs().every((log) => log.traceId === traceId && log.summary === 'the 5th message')).toBe(true);
  });

  it('leaves probes out and redacts attributes, on both ways', async () => {
    const send = (service: string, attributes: readonly string[]) =>
      run(peerPath('telemetrygen'), [
        ...['traces', '--otlp-endpoint', `127.0.0.1:${collector.grpcPort}`, '--otlp-insecure', '--rate', '0'],
        ...['--traces', '1', '--child-spans', '0', '--service', service],
        ...attributes.flatMap((attribute) => ['--telemetry-attributes', attribute]),
      ]);
    await send('probe', ['url.path="/healthz"']);
    await send('secretive', [
      'url.path="/pay"',
      'url.full="http://shop.example/pay?token=hush&item=7"',
      'http.request.header.authorization="Bearer hush"',
    ]);
    const spanOf = (service: string) =>
      reader.activities.find((activity) => activity.kind === 'span.end' && activity.service === service);
    await reader.until('the span', () => spanOf('secretive') !== undefined);
    const traceId = spanOf('secretive')?.traceId ?? '';
    await until('the span in Tempo', async () => (await tempo.trace(traceId)).length > 0);
    const [kept] = await tempo.trace(traceId);
    for (const attributes of [spanOf('secretive')?.attributes, kept?.attributes]) {
      expect(attributes).toMatchObject({
        'url.path': '/pay',
        'url.full': 'http://shop.example/pay?token=[redacted]&item=7',
      });
      expect(JSON.stringify(attributes)).not.toContain('hush');
    }
    expect(spanOf('probe')).toBeUndefined();
    expect(await collector.figure('otelcol_processor_filter_spans_filtered')).toBeGreaterThan(0);
  });

  it('has a figure for every name that the Grafana dashboard asks for', async () => {
    const dashboard = readFileSync(new URL('../../compose/grafana/dashboards/livespan.json', import.meta.url), 'utf8');
    const names = new Set(dashboard.match(/\b(livespan|otelcol|nodejs|v8js|process|http_server)_[a-z0-9_]+/g));
    const text = `${await livespan.metrics()}\n${await collector.metrics()}`;
    // Counted by reason: there is no series before the first one.
    const later = ['livespan_ingest_rejected_total', 'livespan_ingest_failed_total', 'livespan_readers_ended_total'];
    const absent = [...names].filter((name) => !text.includes(`\n${name}{`) && !text.includes(`\n${name} `));
    expect(names.size).toBeGreaterThan(20);
    expect(absent.filter((name) => !later.includes(name))).toEqual([]);
  });
});
