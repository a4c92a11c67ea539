export interface Backoff {
  readonly waiting: boolean;
  /** Runs `next` after the delay of this failure, at least `leastMs`; keeps no process alive. */
  wait(leastMs: number, next: () => void): void;
  cancel(): void;
  /** All is well again: the next delay is the first one. */
  reset(): void;
}

/** Doubling delays with half of each left to chance, so that many producers do not come back in step. */
export function createBackoff(options: { minMs: number; maxMs: number; random: () => number }): Backoff {
  const { minMs, maxMs, random } = options;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    get waiting() {
      return timer !== undefined;
    },
    wait(leastMs, next) {
      cancel();
      const delayMs = Math.min(maxMs, minMs * 2 ** failures);
      failures = Math.min(failures + 1, 30);
      timer = setTimeout(
        () => {
          timer = undefined;
          next();
        },
        Math.max(leastMs, delayMs * (0.5 + random() / 2)),
      );
      timer.unref();
    },
    cancel,
    reset() {
      failures = 0;
    },
  };
}
