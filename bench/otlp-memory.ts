import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../test/support/redis.ts';
import type { Row } from './harness.ts';
import type { OtlpMemory } from './otlp-memory-process.ts';
import { mean, slope, WARM_UP_SHARE } from './soak-verdict.ts';

const MIB = 1_048_576;
const SAMPLES = 60;
const ANSWER_MS = 30_000;

/** A server under full load: does what it holds grow once it is warm? */
export async function memoryRows(minutes: number, say: (line: string) => void): Promise<Row[]> {
  const redis = await startRedis();
  const args = [redis.url, 'livespan:bench-otlp-memory'];
  const child = fork(join(import.meta.dirname, 'otlp-memory-process.ts'), args, { execArgv: ['--expose-gc'] });
  try {
    await once(child, 'message');
    say(`otlp: ${minutes} min of full load`);
    const startMs = performance.now();
    const samples: { seconds: number; memory: OtlpMemory }[] = [];
    for (let index = 1; index <= SAMPLES; index++) {
      await sleep(Math.max(0, startMs + (index * minutes * 60_000) / SAMPLES - performance.now()));
      const memory = await ask(child);
      samples.push({ seconds: (performance.now() - startMs) / 1_000, memory });
    }
    const last = samples.at(-1);
    const rate = (last?.memory.spans ?? 0) / (last?.seconds ?? 1);
    const load = `${minutes} min at ${(rate / 1_000).toFixed(0)}k spans/s`;
    const warm = samples.slice(Math.ceil(SAMPLES * WARM_UP_SHARE));
    // As in the soak: a straight line through the samples that rises by less than this is no growth.
    return [
      growthRow(`heap and buffers, growth in ${load}`, warm, ({ heapBytes }) => heapBytes, 0.1, 4),
      growthRow(`RSS, growth in ${load}`, warm, ({ rssBytes }) => rssBytes, 0.15, 16),
    ];
  } finally {
    const isGone = child.exitCode !== null || once(child, 'exit');
    if (child.connected) child.disconnect();
    await isGone;
    await redis.stop();
  }
}

function growthRow(
  what: string,
  samples: readonly { seconds: number; memory: OtlpMemory }[],
  pick: (memory: OtlpMemory) => number,
  share: number,
  slackMib: number,
): Row {
  const seconds = samples.map((sample) => sample.seconds);
  const mib = samples.map(({ memory }) => pick(memory) / MIB);
  const perSecond = slope(seconds, mib);
  const range = `${Math.min(...mib).toFixed(0)} to ${Math.max(...mib).toFixed(0)} MiB`;
  return {
    what,
    value: perSecond * ((seconds.at(-1) ?? 0) - (seconds[0] ?? 0)),
    unit: 'MiB',
    target: { sign: '≤', value: mean(mib) * share + slackMib },
    detail: `slope ${(perSecond * 60).toFixed(2)} MiB a minute after ${(WARM_UP_SHARE * 100).toFixed(0)} % of the time, ${range}`,
  };
}

async function ask(child: ChildProcess): Promise<OtlpMemory> {
  if (!child.connected) throw new Error('the server or its sender ended');
  child.send('memory');
  const [memory] = (await once(child, 'message', { signal: AbortSignal.timeout(ANSWER_MS) })) as [OtlpMemory];
  return memory;
}
