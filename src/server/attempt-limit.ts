/** Counts failed tries in a window, for each address and altogether. Bounded: addresses beyond the bound share the total. */
export interface AttemptLimit {
  /** Whether this address may try now. */
  allows(address: string): boolean;
  fail(address: string): void;
}

const ADDRESSES_MAX = 10_000;

export function createAttemptLimit(options: {
  perAddressMax: number;
  totalMax: number;
  windowMs: number;
  now?: () => number;
}): AttemptLimit {
  const now = options.now ?? Date.now;
  const failures = new Map<string, number>();
  let total = 0;
  let windowEnd = 0;

  function turnWindow(): void {
    if (now() < windowEnd) return;
    windowEnd = now() + options.windowMs;
    failures.clear();
    total = 0;
  }

  return {
    allows(address) {
      turnWindow();
      return total < options.totalMax && (failures.get(address) ?? 0) < options.perAddressMax;
    },
    fail(address) {
      turnWindow();
      total += 1;
      if (failures.size < ADDRESSES_MAX || failures.has(address)) {
        failures.set(address, (failures.get(address) ?? 0) + 1);
      }
    },
  };
}
