import { type Bench, interleave, measure, median, medianRatio, type Row } from './harness.ts';
import type { FanOutResult } from './sse-process.ts';

const CASES = [
  { mode: '1000 × 1000/s', readers: 1_000, rate: 1_000, isTarget: true },
  { mode: '100 × 1000/s', readers: 100, rate: 1_000, isTarget: false },
  { mode: '1000 × 100/s', readers: 1_000, rate: 100, isTarget: false },
] as const;
type Mode = (typeof CASES)[number]['mode'];
const MEMORY_READERS = 2_000;
const FILE = 'sse-process.ts';

export const sse: Bench = {
  name: 'sse',
  title: 'Fan-out over SSE',
  async run({ repeats, isQuick, say }) {
    const seconds = isQuick ? 2 : 5;
    const modes: readonly Mode[] = CASES.map(({ mode }) => mode);
    const results = await interleave(modes, repeats, async (mode, repeat) => {
      say(`sse ${repeat + 1}/${repeats}: ${mode}`);
      const { readers, rate } = CASES.find((one) => one.mode === mode) ?? CASES[0];
      return measure<FanOutResult>(FILE, ['fan-out', String(readers), String(rate), String(seconds)]);
    });
    say('sse: 1000 × 1000/s for a long time');
    const long = isQuick ? 5 : 60;
    const lasting = await measure<FanOutResult>(FILE, ['fan-out', '1000', '1000', String(long)]);
    const memory = await interleave(['fan-out', 'bare'] as const, repeats, async (mode, repeat) => {
      say(`sse ${repeat + 1}/${repeats}: memory, ${mode}`);
      const args = [mode, String(MEMORY_READERS), '1', '1'];
      return (await measure<{ rssReaderBytes: number }>(FILE, args)).rssReaderBytes;
    });
    const kib = (values: readonly number[]): string => `${(median(values) / 1_024).toFixed(1)} KiB`;
    return [
      ...CASES.flatMap(({ mode, isTarget }) => rowsOf(mode, results[mode], isTarget)),
      ...rowsOf(`1000 × 1000/s, ${long} s of it`, [lasting], true),
      {
        what: 'RSS a reader ÷ a bare node:http SSE connection',
        value: medianRatio(memory['fan-out'], memory.bare),
        target: { sign: '≤', value: 1.25 },
        detail: `${kib(memory['fan-out'])} ÷ ${kib(memory.bare)}, ${MEMORY_READERS} readers`,
      },
    ];
  },
};

function rowsOf(mode: string, results: readonly FanOutResult[], isTarget: boolean): Row[] {
  const all = (pick: (result: FanOutResult) => number): number[] => results.map(pick);
  const us = (values: readonly number[]): string => `${median(values).toFixed(2)} µs`;
  const frame = all(({ frameUs }) => frameUs);
  const send = all(({ sendUs }) => sendUs);
  const target = (sign: '≤' | '≥', value: number): Pick<Row, 'target'> => (isTarget ? { target: { sign, value } } : {});
  return [
    {
      what: `${mode}: server CPU a frame ÷ one send()`,
      value: medianRatio(frame, send),
      ...target('≤', 0.12),
      detail: `${us(frame)} ÷ ${us(send)}, publishing included`,
    },
    {
      what: `${mode}: p99 from append to reader`,
      value: median(all(({ p99Ms }) => p99Ms)),
      unit: 'ms',
      ...target('≤', 80),
      detail: `p50 ${median(all(({ p50Ms }) => p50Ms)).toFixed(0)} ms`,
    },
    {
      what: `${mode}: share delivered, in order`,
      value: Math.min(...all(({ deliveredShare }) => deliveredShare)),
      ...target('≥', 1),
      detail: `${results[0]?.frames ?? 0} frames a run, the worst run`,
    },
  ];
}
