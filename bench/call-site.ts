import { startRedis } from '../test/support/redis.ts';
import { type Bench, interleave, measure, median, medianRatio } from './harness.ts';

interface Cost {
  wallNs: number;
  cpuNs: number;
}
const MODES = ['floor', 'emit', 'floor-json', 'spans', 'spans-live', 'spans-live-manual', 'nothing'] as const;

export const callSite: Bench = {
  name: 'call-site',
  title: 'What a call costs',
  async run({ repeats, isQuick, say }) {
    const redis = await startRedis();
    try {
      const events = isQuick ? 100_000 : 400_000;
      const costs = await interleave(MODES, repeats, async (mode, repeat) => {
        say(`call-site ${repeat + 1}/${repeats}: ${mode}`);
        return measure<Cost>('call-site-process.ts', [mode, String(events), redis.url]);
      });
      const wall = (mode: (typeof MODES)[number]) => costs[mode].map((cost) => cost.wallNs);
      const cpu = (mode: (typeof MODES)[number]) => costs[mode].map((cost) => cost.cpuNs);
      const ns = (values: number[]) => `${median(values).toFixed(0)} ns`;
      return [
        {
          what: 'emitEvent ÷ span.addEvent with the same attributes',
          value: medianRatio(wall('emit'), wall('floor')),
          target: { sign: '≤', value: 1.7 },
          detail: `${ns(wall('emit'))} ÷ ${ns(wall('floor'))}`,
        },
        {
          what: 'emitEvent with nothing set up',
          value: median(wall('nothing')),
          unit: 'ns',
          target: { sign: '≤', value: 50 },
          detail: 'wall time a call',
        },
        {
          what: 'process CPU an event, into Redis ÷ (addEvent + JSON.stringify)',
          value: medianRatio(cpu('emit'), cpu('floor-json')),
          target: { sign: '≤', value: 2 },
          detail: `${ns(cpu('emit'))} ÷ ${ns(cpu('floor-json'))}`,
        },
        ...(['spans-live', 'spans-live-manual'] as const).map((mode) => ({
          what: `span start + end with LiveSpanProcessor ÷ without, ${mode === 'spans-live' ? 'as startTelemetry sets it up' : 'added to a provider by hand'}`,
          value: medianRatio(wall(mode), wall('spans')),
          target: { sign: '≤' as const, value: 2 },
          detail: `${ns(wall(mode))} ÷ ${ns(wall('spans'))}`,
        })),
      ];
    } finally {
      await redis.stop();
    }
  },
};
