import { log } from '../diag.ts';

/**
 * `fn` as a hook in somebody else's code: whatever it throws stays here and is said to OpenTelemetry's diagnostics, never
 * to the application.
 */
export function guarded<A extends unknown[]>(what: string, fn: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      fn(...args);
    } catch (thrown) {
      reportFailure(what, thrown);
    }
  };
}

/** The result of `fn`, or `fallback` where it throws. */
export function attempt<T>(what: string, fn: () => T, fallback: T): T {
  try {
    return fn();
  } catch (thrown) {
    reportFailure(what, thrown);
    return fallback;
  }
}

/** Says it to OpenTelemetry's diagnostics; never throws. */
export function reportFailure(what: string, thrown: unknown): void {
  try {
    log.warn(`${what} failed and was left out`, thrown instanceof Error ? thrown.message : typeof thrown);
  } catch {
    // A diag logger of the application that throws: nothing is left to tell it to.
  }
}
