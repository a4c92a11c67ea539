import { describe, expect, it } from 'vitest';
import { REACH_FAULTS } from './support/reach-faults.ts';
import { runFault } from './support/row.ts';

describe.concurrent('under load, with the sums exact at every reader', () => {
  it.each(REACH_FAULTS)('$name', { timeout: 120_000 }, async (fault) => {
    expect((await runFault(fault)).problems).toEqual([]);
  });
});
