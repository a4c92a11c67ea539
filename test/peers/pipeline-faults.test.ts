import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { against, whyNot } from './at-hand.ts';
import { type Pipeline, startPipeline } from './support/pipeline.ts';
import { PIPELINE_FAULTS } from './support/pipeline-faults.ts';
import { runPipelineFault } from './support/pipeline-row.ts';

const PEERS = ['collector', 'tempo'] as const;
/** faults.test.ts shows the others with telemetrygen, but for Tempo's full queue, which is like livespan's; `npm run faults` runs all. */
const rows = PIPELINE_FAULTS.filter(({ name }) => /^livespan's queue|^the Collector/.test(name));

describe.skipIf(whyNot(...PEERS))(`what the pipeline loses, counted span by span, ${against(...PEERS)}`, () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await startPipeline();
  }, 90_000);

  afterAll(async () => {
    await pipeline?.close();
  });

  it.each(rows)('$name', { timeout: 120_000 }, async (fault) => {
    expect((await runPipelineFault(pipeline, fault)).problems).toEqual([]);
  });
});
