import { describe, expect, it } from 'vitest';
import { DATA_FAULTS } from './support/data-faults.ts';
import { runFault } from './support/row.ts';

describe.concurrent('under load, with the sums exact at every reader', () => {
  it.each(DATA_FAULTS)('$name', { timeout: 120_000 }, async (fault) => {
    expect((await runFault(fault)).problems).toEqual([]);
  });
});
