import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNot } from '../test/peers/at-hand.ts';
import { startCollector } from '../test/peers/support/collector.ts';
import { type Livespan, startLivespan } from '../test/peers/support/livespan.ts';
import { startTempo, type Tempo } from '../test/peers/support/tempo.ts';
import { startRedis } from '../test/support/redis.ts';
import { type Bench, interleave, median, quantile, type Row } from './harness.ts';

/** From a span's end to where somebody can see it. `tempo` and `tempo-batched` are asked by trace id, all others read SSE. */
const WAYS = ['direct', 'otlp', 'collector', 'collector-batched', 'tempo', 'tempo-collector', 'tempo-batched'] as const;
type Way = (typeof WAYS)[number];
const TITLES: Readonly<Record<Way, string>> = {
  direct: 'app, LiveSpanProcessor → Redis → livespan → SSE',
  otlp: 'app, SimpleSpanProcessor → livespan, OTLP/gRPC → SSE',
  collector: 'app, SimpleSpanProcessor → Collector, 100 ms batch → livespan → SSE',
  'collector-batched': 'app, BatchSpanProcessor defaults → Collector → livespan → SSE',
  tempo: 'app, SimpleSpanProcessor → Tempo, query by id',
  'tempo-collector': 'app, SimpleSpanProcessor → Collector, 2 s batch → Tempo, query by id',
  'tempo-batched': 'app, BatchSpanProcessor defaults → Collector → Tempo, query by id',
};
const WARM_UP = 20;
const WAIT_MAX_MS = 60_000;
const ASK_EVERY_MS = 5;

interface Stack {
  redisUrl: string;
  feed: string;
  livespan: Livespan;
  tempo: Tempo;
  collectorUrl: string;
}

export const collectorBench: Bench = {
  name: 'collector',
  title: "From a span's end to where it can be seen, through a real Collector and Tempo",
  async run({ repeats, isQuick, say }) {
    const reason = whyNot('collector', 'tempo');
    if (reason !== undefined) {
      say(`collector: left out, ${reason}`);
      return [];
    }
    const count = (isQuick ? 60 : 200) + WARM_UP;
    const redis = await startRedis();
    const feed = 'livespan:bench-collector';
    const [livespan, tempo] = await Promise.all([startLivespan({ redisUrl: redis.url, feed }), startTempo()]);
    const collector = await startCollector(['config.yaml'], {
      LIVESPAN_OTLP_ENDPOINT: livespan.otlpHttpUrl,
      LIVESPAN_TOKEN: livespan.token,
      TEMPO_OTLP_ENDPOINT: tempo.otlp,
    });
    const stack: Stack = {
      redisUrl: redis.url,
      feed,
      livespan,
      tempo,
      collectorUrl: `http://127.0.0.1:${collector.grpcPort}`,
    };
    try {
      const results = await interleave(WAYS, repeats, async (way, repeat) => {
        say(`collector ${repeat + 1}/${repeats}: ${way}`);
        const delaysMs = way.startsWith('tempo') ? await askTempo(way, count, stack) : await readSse(way, count, stack);
        const sorted = delaysMs.sort((a, b) => a - b);
        return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
      });
      return WAYS.map((way): Row => {
        const p99 = median(results[way].map((result) => result.p99));
        return {
          what: TITLES[way],
          value: median(results[way].map((result) => result.p50)),
          unit: 'ms (p50)',
          detail: `p99 ${p99.toFixed(1)} ms`,
        };
      });
    } finally {
      await collector.kill();
      await Promise.all([livespan.stop(), tempo.stop()]);
      await redis.stop();
    }
  },
};

function startApp(way: Way, count: number, stack: Stack) {
  const endpoints: Partial<Record<Way, string>> = {
    otlp: `http://${stack.livespan.otlpGrpc}`,
    tempo: `http://${stack.tempo.otlp}`,
  };
  const args = [way, String(count), stack.redisUrl, stack.feed, endpoints[way] ?? stack.collectorUrl];
  return spawn(process.execPath, [join(import.meta.dirname, 'collector-process.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${stack.livespan.token}` },
  });
}

/** Reads the feed as a browser would, and looks for the marks that the spans carry. */
async function readSse(way: Way, count: number, stack: Stack): Promise<number[]> {
  const delaysMs: number[] = [];
  const { url, token } = stack.livespan;
  const stream = get(`${url}/activity/stream?filter=kind:span.end`, {
    agent: false,
    headers: { authorization: `Bearer ${token}` },
  });
  const [response] = (await once(stream, 'response')) as [IncomingMessage];
  let rest = '';
  response.on('data', (chunk: Buffer) => {
    const now = process.hrtime.bigint();
    const text = rest + chunk.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    for (const [, sent = '0', index = '0'] of text.slice(0, end).matchAll(/sent-(\d+)-(\d+)-/g)) {
      if (Number(index) >= WARM_UP) delaysMs.push(Number(now - BigInt(sent)) / 1e6);
    }
  });
  const app = startApp(way, count, stack);
  app.stdout.resume();
  const deadlineMs = Date.now() + WAIT_MAX_MS;
  while (delaysMs.length < count - WARM_UP) {
    if (Date.now() > deadlineMs) throw new Error(`${way}: ${delaysMs.length} of ${count - WARM_UP} arrived`);
    await sleep(20);
  }
  if (app.exitCode === null) await once(app, 'exit');
  stream.destroy();
  return delaysMs;
}

/** Asks Tempo for each trace until it has it. */
async function askTempo(way: Way, count: number, stack: Stack): Promise<number[]> {
  const app = startApp(way, count, stack);
  const asking: Promise<number>[] = [];
  let index = 0;
  for await (const line of createInterface(app.stdout)) {
    const [traceId = '', sent = '0'] = line.split(' ');
    // Every fourth is enough: the questions must not slow the answers down.
    if (index >= WARM_UP && index % 4 === 0) asking.push(askUntilThere(stack.tempo, traceId, BigInt(sent)));
    index++;
  }
  return Promise.all(asking);
}

async function askUntilThere(tempo: Tempo, traceId: string, sent: bigint): Promise<number> {
  const deadlineMs = Date.now() + WAIT_MAX_MS;
  while ((await tempo.trace(traceId)).length === 0) {
    if (Date.now() > deadlineMs) throw new Error(`Tempo does not have ${traceId}`);
    await sleep(ASK_EVERY_MS);
  }
  return Number(process.hrtime.bigint() - sent) / 1e6;
}
