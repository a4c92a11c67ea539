import { startRedis } from '../test/support/redis.ts';
import { type Bench, interleave, measure, median, medianRatio, type Row } from './harness.ts';
import { memoryRows } from './otlp-memory.ts';

const RATES = ['ceiling', 'http-ours', 'http-naive', 'grpc-receive', 'grpc-ours'] as const;
const DECODERS = ['decode-ours', 'decode-naive'] as const;
const LARGE = ['protobuf', 'json'] as const;
const FEED = 'livespan:bench';

export const otlp: Bench = {
  name: 'otlp',
  title: 'OTLP',
  async run({ repeats, isQuick, memoryMinutes, say }) {
    const redis = await startRedis();
    const spans = String(isQuick ? 50_000 : 200_000);
    try {
      const rates = await interleave(RATES, repeats, async (mode, repeat) => {
        say(`otlp ${repeat + 1}/${repeats}: ${mode}`);
        await redis.cli('FLUSHALL');
        const args = [mode, spans, String(redis.port), FEED];
        return (await measure<{ spansPerSecond: number }>('otlp-process.ts', args)).spansPerSecond;
      });
      const decoding = await interleave(DECODERS, repeats, async (mode, repeat) => {
        say(`otlp ${repeat + 1}/${repeats}: ${mode}`);
        return (await measure<{ cpuUs: number }>('otlp-process.ts', [mode, spans])).cpuUs;
      });
      const delays = await interleave(LARGE, repeats, async (encoding, repeat) => {
        say(`otlp ${repeat + 1}/${repeats}: a large request, ${encoding}`);
        return measure<Delays>('otlp-delay-process.ts', [encoding]);
      });
      return [
        ...rateRows(rates),
        decodeRow(decoding),
        ...LARGE.map((encoding) => delayRow(encoding, delays[encoding])),
        ...(memoryMinutes > 0 ? await memoryRows(memoryMinutes, say) : []),
      ];
    } finally {
      await redis.stop();
    }
  },
};

/** Longest delay of other readers' frames, ms, without and with a large request. */
interface Delays {
  quietMs: number;
  busyMs: number;
  requestMs: number;
}

function rateRows(rates: Record<(typeof RATES)[number], number[]>): Row[] {
  const row = (what: string, above: keyof typeof rates, below: keyof typeof rates, least: number): Row => ({
    what,
    value: medianRatio(rates[above], rates[below]),
    target: { sign: '≥', value: least },
    detail: `${thousands(rates[above])} ÷ ${thousands(rates[below])}`,
  });
  return [
    row('OTLP/HTTP spans/s into Redis ÷ Redis ceiling for the same bytes', 'http-ours', 'ceiling', 0.7),
    row('OTLP/HTTP spans/s ÷ protobufjs, stringify, two commands a span', 'http-ours', 'http-naive', 8),
    row('OTLP/gRPC spans/s into Redis ÷ grpc-js receive-only', 'grpc-ours', 'grpc-receive', 0.33),
  ];
}

function decodeRow(decoding: Record<(typeof DECODERS)[number], number[]>): Row {
  const us = (values: number[]) => `${median(values).toFixed(2)} µs`;
  return {
    what: 'bytes → activity, CPU a span ÷ protobufjs and JSON.stringify',
    value: medianRatio(decoding['decode-ours'], decoding['decode-naive']),
    target: { sign: '≤', value: 0.4 },
    detail: `${us(decoding['decode-ours'])} ÷ ${us(decoding['decode-naive'])}`,
  };
}

function delayRow(encoding: string, delays: Delays[]): Row {
  const ms = (pick: keyof Delays) => median(delays.map((delay) => delay[pick]));
  return {
    what: `delay of other readers' frames by one 8 MiB request, ${encoding}`,
    value: median(delays.map(({ busyMs, quietMs }) => Math.max(0, busyMs - quietMs))),
    unit: 'ms',
    target: { sign: '≤', value: 50 },
    detail: `longest ${ms('busyMs').toFixed(0)} ms, ${ms('quietMs').toFixed(0)} ms without it; it took ${ms('requestMs').toFixed(0)} ms`,
  };
}

function thousands(values: number[]): string {
  return `${(median(values) / 1_000).toFixed(0)}k/s`;
}
