import { once } from 'node:events';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import { type Bench, interleave, measure, median, medianRatio } from './harness.ts';
import { encodeCommand, openSocket } from './resp.ts';

const MODES = ['naive', 'ours', 'ceiling', 'pair'] as const;
type Mode = (typeof MODES)[number];
interface Figures {
  eventsPerSecond: number;
  redisCpuUs: number;
}
const FEED = 'livespan:bench';

export const redisBench: Bench = {
  name: 'redis',
  title: 'Into Redis',
  async run({ repeats, isQuick, say }) {
    const redis = await startRedis();
    try {
      const events = isQuick ? 60_000 : 200_000;
      const rate = await interleave(MODES, repeats, (mode, repeat) => {
        say(`redis ${repeat + 1}/${repeats}: ${mode}`);
        return measureMode(redis, mode, events);
      });
      const perSecond = (mode: Mode) => rate[mode].map((figures) => figures.eventsPerSecond);
      const cpu = (mode: Mode) => rate[mode].map((figures) => figures.redisCpuUs);
      const k = (values: number[]) => `${(median(values) / 1_000).toFixed(0)}k/s`;
      const us = (values: number[]) => `${median(values).toFixed(2)} µs`;
      return [
        {
          what: 'events/s into Redis ÷ naive emit (stringify, publish, xadd)',
          value: medianRatio(perSecond('ours'), perSecond('naive')),
          target: { sign: '≥', value: 4 },
          detail: `${k(perSecond('ours'))} ÷ ${k(perSecond('naive'))}; our script from a raw socket ${medianRatio(perSecond('ceiling'), perSecond('naive')).toFixed(1)} × naive, plain commands without positions ${medianRatio(perSecond('pair'), perSecond('naive')).toFixed(1)} ×`,
        },
        {
          what: 'events/s into Redis ÷ raw socket, pre-encoded EVALSHA ×100 of our script',
          value: medianRatio(perSecond('ours'), perSecond('ceiling')),
          target: { sign: '≥', value: 0.7 },
          detail: `${k(perSecond('ours'))} ÷ ${k(perSecond('ceiling'))}`,
        },
        {
          what: 'Redis CPU an event ÷ raw pipelined PUBLISH + XADD',
          value: medianRatio(cpu('ours'), cpu('pair')),
          target: { sign: '≤', value: 1.5 },
          detail: `${us(cpu('ours'))} ÷ ${us(cpu('pair'))}; naive ${us(cpu('naive'))}, script alone ${us(cpu('ceiling'))}`,
        },
      ];
    } finally {
      await redis.stop();
    }
  },
};

/** One mode against a log that holds 100,000 entries already, with one subscriber, without persistence. */
async function measureMode(redis: RedisServer, mode: Mode, events: number): Promise<Figures> {
  await redis.cli('FLUSHALL');
  // Filled by the same mode: the log of ours has positions, the plain one has not.
  await measure('redis-process.ts', [mode === 'ours' ? 'ceiling' : mode, '100000', String(redis.port), FEED]);
  const subscriber = await openSocket(redis.port);
  subscriber.write(encodeCommand(['SUBSCRIBE', FEED]));
  await once(subscriber, 'data');
  subscriber.resume();
  const before = await redisCpuUs(redis);
  const { eventsPerSecond } = await measure<{ eventsPerSecond: number }>('redis-process.ts', [
    mode,
    String(events),
    String(redis.port),
    FEED,
  ]);
  const cpu = (await redisCpuUs(redis)) - before;
  subscriber.destroy();
  return { eventsPerSecond, redisCpuUs: cpu / events };
}

async function redisCpuUs(redis: RedisServer): Promise<number> {
  const info = await redis.cli('INFO', 'cpu');
  const part = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  return (part('used_cpu_user_main_thread') + part('used_cpu_sys_main_thread')) * 1_000_000;
}
