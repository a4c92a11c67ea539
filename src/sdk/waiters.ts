export interface Waiters {
  /** Resolves when `done()` holds at a check, or after `timeoutMs`; until then it keeps the process alive. */
  wait(done: () => boolean, timeoutMs: number): Promise<void>;
  /** To be called whenever something changed. */
  check(): void;
  /** Resolves with `work`, whatever comes of it, or after `timeoutMs`. */
  atMost(work: Promise<unknown>, timeoutMs: number): Promise<void>;
}

export function createWaiters(): Waiters {
  const waiting = new Set<() => void>();
  return {
    wait(done, timeoutMs) {
      if (done()) return Promise.resolve();
      return new Promise((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        const look = (): void => {
          if (done()) finish();
        };
        const timer = setTimeout(finish, timeoutMs);
        waiting.add(look);
      });
    },
    check() {
      for (const look of waiting) look();
    },
    atMost(work, timeoutMs) {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        const finish = (): void => {
          clearTimeout(timer);
          resolve();
        };
        work.then(finish, finish);
      });
    },
  };
}
