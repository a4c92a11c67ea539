const FIRST_MS = 50;

/** Pause before try `attempt` (0, 1, 2 …), ms: doubles up to `maxMs`; half of it is random, so that many do not come at once. */
export function backOffMs(attempt: number, maxMs: number, random: () => number = Math.random): number {
  const full = Math.min(maxMs, FIRST_MS * 2 ** Math.min(attempt, 20));
  return full / 2 + (random() * full) / 2;
}
