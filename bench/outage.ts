/**
 * `node bench/outage.ts [spans] [outage seconds] [spans a second]`: what the tests show in little, under load: all of
 * 10,000 spans through the Collector, then Tempo away for a minute while spans keep coming. Prints what was counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNot } from '../test/peers/at-hand.ts';
import { run } from '../test/peers/progress.ts';
import { startCollector } from '../test/peers/support/collector.ts';
import { startLivespan } from '../test/peers/support/livespan.ts';
import { until } from '../test/peers/support/program.ts';
import { type Reader, spanCounts, startReader, traceIdsOf } from '../test/peers/support/reader.ts';
import { generateTraces } from '../test/peers/support/telemetrygen.ts';
import { startTempo, type Tempo } from '../test/peers/support/tempo.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../test/support/redis.ts';

const [spans = 10_000, outageS = 60, rate = 1_000] = process.argv.slice(2).map(Number);
const SPANS_EACH = 5;
const WAIT_MAX_MS = 90_000;

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
  const reader = startReader(livespan);
  const port = collector.grpcPort;
  const queued = () => collector.figure('otelcol_exporter_queue_size', 'exporter="otlp_grpc/tempo"');
  try {
    // As fast as it can, telemetrygen overruns its own queue and drops spans before it sends them.
    await generateTraces({ port, traces: spans / SPANS_EACH, spansEach: SPANS_EACH, service: 'whole', rate: 2_000 });
    say(`the Collector received ${await collector.figure('otelcol_receiver_accepted_spans')} spans`);
    await report('all up', 'whole', spans, reader, tempo);

    const before = await memoryMiB(collector.pid);
    await tempo.kill();
    const total = rate * outageS;
    const traces = total / SPANS_EACH;
    const load = generateTraces({ port, traces, spansEach: SPANS_EACH, service: 'outage', rate });
    await Promise.all([load, sleep(outageS * 1_000)]);
    const live = spanCounts(reader.activities, 'outage').size;
    const held = await queued();
    say(`Tempo away for ${outageS} s: ${live} of ${total} spans on the feed, ${held} queued for Tempo`);
    say(`Collector: ${before} MiB before, ${await memoryMiB(collector.pid)} MiB with the queue`);
    await tempo.restart();
    const backMs = Date.now();
    await until('the queue is empty', async () => (await queued()) === 0, { timeoutMs: WAIT_MAX_MS });
    say(`the queue was empty ${((Date.now() - backMs) / 1_000).toFixed(1)} s after Tempo was back`);
    await report('after the outage', 'outage', total, reader, tempo);
    say(`dropped by the Collector: ${await collector.figure('otelcol_exporter_enqueue_failed_spans')}`);
  } finally {
    await reader.close();
    await collector.kill();
    await Promise.all([livespan.stop(), tempo.stop()]);
    await redis.stop();
  }
}

async function report(what: string, service: string, sent: number, reader: Reader, tempo: Tempo): Promise<void> {
  await reader.until('the spans', (all) => spanCounts(all, service).size >= sent, WAIT_MAX_MS);
  const counts = spanCounts(reader.activities, service);
  const asked = new Set(traceIdsOf(reader.activities, service));
  let inTempo = 0;
  await until(
    'the spans in Tempo',
    async () => {
      for (const traceId of asked) {
        const { length } = await tempo.trace(traceId);
        if (length < SPANS_EACH) continue;
        inTempo += length;
        asked.delete(traceId);
      }
      return asked.size === 0;
    },
    { timeoutMs: WAIT_MAX_MS, describe: () => `${inTempo} of ${sent}` },
  );
  const most = [...counts.values()].reduce((max, times) => Math.max(max, times), 0);
  say(
    `${what}: sent ${sent}; on the feed ${counts.size}, each at most ${most} time; in Tempo, by trace id, ${inTempo}; told losses ${reader.losses.length}`,
  );
}

async function memoryMiB(pid: number): Promise<number> {
  return Math.round(Number(await run('ps', ['-o', 'rss=', '-p', String(pid)])) / 1_024);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
