import { toLivespanError } from '../errors.ts';

/** `warning` and `skipped` leave the exit code 0: nothing that was asked for is broken. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'skipped';

/** What the doctor says about one hop. */
export interface Finding {
  hop: string;
  outcome: Outcome;
  sentence: string;
  /** What the round trip took. */
  ms?: number;
}

export function finding(hop: string, outcome: Outcome, sentence: string, ms?: number): Finding {
  return { hop, outcome, sentence, ...(ms === undefined ? {} : { ms: Math.round(ms * 10) / 10 }) };
}

/** Runs one probe; whatever it throws is its finding. */
export async function probe(hop: string, run: () => Promise<Finding>): Promise<Finding> {
  try {
    return await run();
  } catch (thrown) {
    return finding(hop, 'failed', toLivespanError(thrown).message);
  }
}

/** Clocks that differ more than this make "five minutes ago" and the order of things confusing. */
const CLOCK_DIFFERENCE_MAX_MS = 1_000;

/**
 * @param theirMs their clock, read somewhere between the two
 * @param sentMs ours when it was asked for
 * @param receivedMs ours when the answer came
 */
export function clockFinding(whose: string, theirMs: number, sentMs: number, receivedMs: number): Finding {
  const difference = Math.round(theirMs - (sentMs + receivedMs) / 2);
  const error = Math.ceil((receivedMs - sentMs) / 2);
  const text = `the clock of ${whose} is ${Math.abs(difference)} ms ${difference < 0 ? 'behind' : 'ahead of'} this machine's (± ${error} ms)`;
  return finding('clock', Math.abs(difference) - error > CLOCK_DIFFERENCE_MAX_MS ? 'warning' : 'ok', text);
}
