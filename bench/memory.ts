import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../test/support/redis.ts';
import type { Bench } from './harness.ts';
import type { MemoryReport } from './memory-process.ts';

const RATE = 20_000;
const RING_MIB = 16;
const MIB = 1_048_576;

export const memory: Bench = {
  name: 'memory',
  title: 'Memory of an application while Redis is away',
  async run({ isQuick, say }) {
    const seconds = isQuick ? 10 : 30;
    const redis = await startRedis();
    const args = [redis.url, 'livespan:bench-memory', String(RATE)];
    const child = fork(join(import.meta.dirname, 'memory-process.ts'), args, { execArgv: ['--expose-gc'] });
    try {
      await sleep(3_000);
      const before = await ask(child, 'stats');
      say(`memory: Redis stops for ${seconds} s at ${RATE} events/s`);
      redis.pause();
      let full: MemoryReport | undefined;
      for (const untilMs = performance.now() + seconds * 1_000; performance.now() < untilMs; ) {
        await sleep(500);
        const now = await ask(child, 'stats');
        if (full === undefined && (now.stats.dropped.queue_full ?? 0) > 0) full = now;
      }
      const last = await ask(child, 'stats');
      redis.resume();
      await sleep(3_000);
      const end = await ask(child, 'end');
      const dropped = Object.values(end.stats.dropped).reduce((sum, count) => sum + count, 0);
      const { emitted, published } = end.stats;
      return [
        {
          what: `heap that the outage adds, at its end (${seconds} s at ${RATE}/s)`,
          value: (last.heapBytes - before.heapBytes) / MIB,
          unit: 'MiB',
          target: { sign: '≤', value: RING_MIB },
          detail: `${last.stats.queued} activities kept`,
        },
        {
          what: 'heap growth once the ring is full',
          value: full === undefined ? Number.NaN : (last.heapBytes - full.heapBytes) / MIB,
          unit: 'MiB',
          target: { sign: '≤', value: 1 },
          detail: `from ${((full?.heapBytes ?? 0) / MIB).toFixed(1)} to ${(last.heapBytes / MIB).toFixed(1)} MiB`,
        },
        {
          what: 'emitted - published - dropped, after Redis came back',
          value: Math.abs(emitted - published - dropped) + Math.abs(emitted - end.emits),
          unit: 'activities',
          target: { sign: '≤', value: 0 },
          detail: `${emitted} emitted, ${published} published, ${JSON.stringify(end.stats.dropped)}`,
        },
      ];
    } finally {
      child.kill('SIGKILL');
      redis.resume();
      await redis.stop();
    }
  },
};

async function ask(child: ChildProcess, what: 'stats' | 'end'): Promise<MemoryReport> {
  child.send(what);
  const [answer] = await once(child, 'message');
  return answer as MemoryReport;
}
