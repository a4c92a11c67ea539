import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { startRedis } from '../test/support/redis.ts';
import { type Bench, interleave, measure, median, quantile, type Row } from './harness.ts';

const MODES = ['helper', 'processor', 'exporter', 'log', 'otlp-100ms', 'otlp-default'] as const;
type Mode = (typeof MODES)[number];
const TITLES: Readonly<Record<Mode, string>> = {
  helper: 'emitEvent → Redis → SSE client',
  processor: 'span end, LiveSpanProcessor → Redis → SSE client',
  exporter: 'span end, LiveSpanExporter in a 100 ms batch → Redis → SSE client',
  log: 'log signal, BatchLogRecordProcessor defaults → OTLP/gRPC receiver',
  'otlp-100ms': 'span end, BatchSpanProcessor 100 ms → OTLP/gRPC receiver',
  'otlp-default': 'span end, BatchSpanProcessor defaults → OTLP/gRPC receiver',
};
const ARRIVAL_MAX_MS = 5_000;
const MARK_CHARS_MAX = 64;
/** Items that open connections and warm code up. */
const WARM_UP = 30;

/** Looks for the marks that the emitters put into their items, in whatever encoding they arrive. */
function createStopwatch() {
  const delaysMs: number[] = [];
  let rest = '';
  return {
    delaysMs,
    see(bytes: Buffer): void {
      const now = process.hrtime.bigint();
      // A mark may be cut by the end of a piece.
      const text = rest + bytes.toString('latin1');
      let end = Math.max(0, text.length - MARK_CHARS_MAX);
      for (const found of text.matchAll(/sent-(\d+)-(\d+)-/g)) {
        const [mark, sent = '0', index = '0'] = found;
        if (Number(index) >= WARM_UP) delaysMs.push(Number(now - BigInt(sent)) / 1e6);
        end = Math.max(end, found.index + mark.length);
      }
      rest = text.slice(end);
    },
  };
}

export const latency: Bench = {
  name: 'latency',
  title: 'From the call to another process that reads it',
  async run({ repeats, isQuick, say }) {
    const redis = await startRedis();
    const feed = 'livespan:bench-latency';
    const server = spawn(
      process.execPath,
      [join(import.meta.dirname, 'latency-process.ts'), 'serve', redis.url, feed],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let watch = createStopwatch();
    const receiver = await openReceiver((bytes) => watch.see(bytes));
    try {
      const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
      const { url } = JSON.parse(line) as { url: string };
      const stream = get(`${url}/activity/stream?filter=name:bench.*`, { agent: false });
      const [response] = (await once(stream, 'response')) as [import('node:http').IncomingMessage];
      response.on('data', (chunk: Buffer) => watch.see(chunk));
      const count = (isQuick ? 200 : 600) + WARM_UP;
      const p50s = await interleave(MODES, repeats, async (mode, repeat) => {
        say(`latency ${repeat + 1}/${repeats}: ${mode}`);
        watch = createStopwatch();
        await measure('latency-process.ts', [
          mode,
          String(count),
          redis.url,
          feed,
          `http://127.0.0.1:${receiver.port}`,
        ]);
        // The process has ended when all is confirmed; the last frames may still be on their way to this one.
        const deadlineMs = performance.now() + ARRIVAL_MAX_MS;
        while (watch.delaysMs.length < count - WARM_UP && performance.now() < deadlineMs) await sleep(10);
        const sorted = watch.delaysMs.sort((a, b) => a - b);
        if (sorted.length !== count - WARM_UP)
          throw new Error(`${mode}: ${sorted.length} of ${count - WARM_UP} arrived`);
        return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
      });
      stream.destroy();
      return rows(p50s);
    } finally {
      server.kill('SIGKILL');
      receiver.close();
      await redis.stop();
    }
  },
};

function rows(results: Record<Mode, { p50: number; p99: number }[]>): Row[] {
  const p50 = (mode: Mode) => median(results[mode].map((result) => result.p50));
  const p99 = (mode: Mode) => median(results[mode].map((result) => result.p99));
  const ratio = (other: Mode, what: string, most: number): Row => ({
    what,
    value: p50('helper') / p50(other),
    target: { sign: '≤', value: most },
    detail: `${p50('helper').toFixed(2)} ms ÷ ${p50(other).toFixed(1)} ms`,
  });
  return [
    ratio('otlp-default', 'p50 ÷ BatchSpanProcessor with defaults and OTLP/gRPC', 0.01),
    ratio('otlp-100ms', 'p50 ÷ BatchSpanProcessor with a 100 ms batch and OTLP/gRPC', 1 / 30),
    ...MODES.map((mode) => ({
      what: TITLES[mode],
      value: p50(mode),
      unit: 'ms (p50)',
      detail: `p99 ${p99(mode).toFixed(2)} ms, at 100 a second`,
    })),
  ];
}

/** Accepts any OTLP/gRPC export and hands its bytes over undecoded. */
async function openReceiver(see: (bytes: Buffer) => void): Promise<{ port: number; close(): void }> {
  const identity = (bytes: Buffer): Buffer => bytes;
  const server = new grpc.Server();
  for (const service of ['trace.v1.TraceService', 'logs.v1.LogsService']) {
    const method = {
      path: `/opentelemetry.proto.collector.${service}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    server.addService(
      { Export: method },
      {
        Export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
          see(call.request);
          callback(null, Buffer.alloc(0));
        },
      },
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { port, close: () => server.forceShutdown() };
}
