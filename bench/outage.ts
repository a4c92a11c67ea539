/**
 * `node bench/outage.ts [spans] [outage seconds] [spans a second]`: what the tests show in little, under load: all of
 * 10,000 spans through the Collector, then Tempo away for a minute while spans keep coming. Prints what was counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseTimeUs } from '../src/activity/time.ts';
import { whyNot } from '../test/peers/at-hand.ts';
import { run } from '../test/peers/progress.ts';
import { startCollector } from '../test/peers/support/collector.ts';
import { startLivespan } from '../test/peers/support/livespan.ts';
import { until } from '../test/peers/support/program.ts';
import { type Reader, spanCounts, startReader } from '../test/peers/support/reader.ts';
import { generateTraces } from '../test/peers/support/telemetrygen.ts';
import { findSpans, startTempo, type Tempo } from '../test/peers/support/tempo.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../test/support/redis.ts';
import { quantile } from './harness.ts';

const [spans = 10_000, outageS = 60, rate = 1_000] = process.argv.slice(2).map(Number);
/** Tempo is asked trace by trace. */
const SPANS_EACH = 20;
const WAIT_MAX_MS = 180_000;

const reason = whyNot('collector', 'telemetrygen', 'tempo');
if (reason === undefined) await measure();
else {
  say(reason);
  process.exitCode = 1;
}

async function measure(): Promise<void> {
  const redis: RedisServer = await startRedis();
  const [livespan, tempo] = await Promise.all([
    startLivespan({ redisUrl: redis.url, feed: uniqueFeed() }),
    startTempo(),
  ]);
  const collector = await startCollector(['config.yaml'], {
    LIVESPAN_OTLP_ENDPOINT: livespan.otlpHttpUrl,
    LIVESPAN_TOKEN: livespan.token,
    TEMPO_OTLP_ENDPOINT: tempo.otlp,
  });
  const delaysMs: number[] = [];
  const reader = startReader(livespan, {
    onActivity: ({ time }) => delaysMs.push(Date.now() - (parseTimeUs(time) ?? 0) / 1_000),
  });
  const port = collector.grpcPort;
  const tempoExporter = 'exporter="otlp_grpc/tempo"';
  const queued = () => collector.figure('otelcol_exporter_queue_size', tempoExporter);
  /** As fast as it can, telemetrygen would overrun its own queue and drop spans before it sends them. */
  const load = async (service: string, total: number): Promise<void> => {
    delaysMs.length = 0;
    await generateTraces({ port, traces: total / SPANS_EACH, spansEach: SPANS_EACH, service, rate });
    const sentMs = Date.now();
    await reader.until('the spans', (all) => spanCounts(all, service).size >= total, WAIT_MAX_MS);
    const sorted = delaysMs.sort((a, b) => a - b);
    const [p50, p99] = [quantile(sorted, 0.5).toFixed(0), quantile(sorted, 0.99).toFixed(0)];
    say(
      `${service}: all ${total} on the feed ${Date.now() - sentMs} ms after the last was sent; end of span to reader p50 ${p50} ms, p99 ${p99} ms`,
    );
  };
  try {
    await load('all-up', spans);
    await report('all-up', spans, reader, tempo);

    const before = await memoryMiB(collector.pid());
    await tempo.kill();
    const total = rate * outageS;
    await Promise.all([load('outage', total), sleep(outageS * 1_000)]);
    say(`Tempo away for ${outageS} s: ${await queued()} of ${total} queued for it`);
    say(`Collector: ${before} MiB before, ${await memoryMiB(collector.pid())} MiB with the queue`);
    await tempo.restart();
    const backMs = Date.now();
    await until('the queue is empty', async () => (await queued()) === 0, { timeoutMs: WAIT_MAX_MS });
    say(`the queue was empty ${((Date.now() - backMs) / 1_000).toFixed(1)} s after Tempo was back`);
    await report('outage', total, reader, tempo);
    const dropped = await collector.figure('otelcol_exporter_enqueue_failed_spans');
    const failed = await collector.figure('otelcol_exporter_send_failed_spans');
    say(`the Collector dropped ${dropped} at its queues and gave up ${failed}`);
  } finally {
    await reader.close();
    await collector.kill();
    await Promise.all([livespan.stop(), tempo.stop()]);
    await redis.stop();
  }
}

async function report(service: string, sent: number, reader: Reader, tempo: Tempo): Promise<void> {
  const ofService = reader.activities.filter(({ kind, service: of }) => kind === 'span.end' && of === service);
  const traces = new Map(ofService.map(({ spanId = '', traceId = '' }) => [spanId, traceId]));
  const found = new Set<string>();
  const isWhole = async (): Promise<boolean> => {
    await findSpans(tempo, traces, found);
    return found.size >= sent;
  };
  // What is missing after this is printed as missing.
  await until('the spans in Tempo', isWhole, { timeoutMs: WAIT_MAX_MS }).catch((error: unknown) => say(String(error)));
  const most = [...spanCounts(reader.activities, service).values()].reduce((max, times) => Math.max(max, times), 0);
  say(
    `${service}: sent ${sent}; on the feed ${traces.size}, each at most ${most} time; in Tempo, by trace id, ${found.size}; told losses ${reader.losses.length}`,
  );
}

async function memoryMiB(pid: number): Promise<number> {
  return Math.round(Number(await run('ps', ['-o', 'rss=', '-p', String(pid)])) / 1_024);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
