import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { against, whyNot } from './at-hand.ts';
import { type Pipeline, startPipeline } from './support/pipeline.ts';
import { PIPELINE_FAULTS } from './support/pipeline-faults.ts';
import { runPipelineFault } from './support/pipeline-row.ts';

const PEERS = ['collector', 'tempo'] as const;
/** Those that are about livespan and our configuration and not in faults.test.ts already; `npm run faults` runs all. */
const NAMES = [
  "livespan's queue is full",
  'the Collector is short of memory',
  'the Collector is killed with -9, queues on disk',
  'the Collector is killed with -9 three times, queues on disk',
];
const rows = PIPELINE_FAULTS.filter(({ name }) => NAMES.includes(name));

describe.skipIf(whyNot(...PEERS))(`what the pipeline loses, counted span by span, ${against(...PEERS)}`, () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await startPipeline();
  }, 90_000);

  afterAll(async () => {
    await pipeline?.close();
  });

  it('knows the rows by name', () => {
    expect(rows).toHaveLength(NAMES.length);
  });

  it.each(rows)('$name', { timeout: 120_000 }, async (fault) => {
    expect((await runPipelineFault(pipeline, fault)).problems).toEqual([]);
  });
});
