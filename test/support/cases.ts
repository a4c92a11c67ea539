/**
 * How many cases a property test runs, and from which seed: LIVESPAN_TEST_CASES (`npm run fuzz -- --cases N`) instead of
 * the fixed number, LIVESPAN_TEST_SEED to see a failure again. Every run prints its seed at the start.
 * @param usual cases in an ordinary run of the tests
 * @param cost how many times dearer a case is than a pure one; so many times fewer of them run
 */
export function cases(usual: number, cost = 1): { numRuns: number; seed: number } {
  const asked = process.env.LIVESPAN_TEST_CASES;
  const numRuns = asked === undefined ? usual : Math.max(1, Math.round(Number(asked) / cost));
  return { numRuns, seed: Number(process.env.LIVESPAN_TEST_SEED ?? 1) };
}
