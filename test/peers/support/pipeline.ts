import { parseTimeUs } from '../../../src/activity/time.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../../support/redis.ts';
import { type Livespan, startLivespan } from './livespan.ts';
import { type Reader, startReader } from './reader.ts';
import { startTempo, type Tempo } from './tempo.ts';

/** What a Collector stands between, all of it real: Redis (every write on disk), `livespan serve`, a reader over SSE, Tempo. */
export interface Pipeline {
  readonly redis: RedisServer;
  readonly feed: string;
  readonly livespan: Livespan;
  readonly tempo: Tempo;
  readonly reader: Reader;
  /** From each event's time until the reader had it, ms; emptied by whoever begins to measure. */
  readonly delaysMs: number[];
  close(): Promise<void>;
}

export async function startPipeline(): Promise<Pipeline> {
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const feed = uniqueFeed();
  const [livespan, tempo] = await Promise.all([startLivespan({ redisUrl: redis.url, feed }), startTempo()]);
  const delaysMs: number[] = [];
  const reader = startReader(livespan, {
    onActivity: ({ kind, time }) => {
      if (kind === 'event') delaysMs.push(Date.now() - (parseTimeUs(time) ?? 0) / 1_000);
    },
  });
  return {
    redis,
    feed,
    livespan,
    tempo,
    reader,
    delaysMs,
    async close() {
      await reader.close();
      await Promise.all([livespan.stop(), tempo.stop()]);
      await redis.stop();
    },
  };
}
