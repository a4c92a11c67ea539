import { AsyncLocalStorage } from 'node:async_hooks';
import { log } from '../diag.ts';
import type { BusListener } from './bus.ts';
import type { MemoryEntries } from './memory-entries.ts';

export interface MemorySubscription {
  /** Something was appended. */
  wake(): void;
  close(): void;
}

/**
 * Delivers in log order, in a microtask of its own and in the subscriber's async context: a reader's code never runs in
 * the stack or in the trace of whoever appends. Entries that were trimmed before their turn are told as an interruption.
 */
export function createMemorySubscription(entries: MemoryEntries, listener: BusListener): MemorySubscription {
  const inOwnContext = AsyncLocalStorage.snapshot();
  let nextN = entries.lastN + 1;
  let awake = false;
  let closed = false;

  const tell = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      log.error('a subscriber of the embedded log failed', error);
    }
  };
  const deliver = (): void => {
    awake = false;
    while (!closed && nextN <= entries.lastN) {
      if (nextN < entries.firstN) {
        nextN = entries.firstN;
        tell(() => listener.onConnected(false));
        tell(() => listener.onConnected(true));
        continue;
      }
      const n = nextN++;
      tell(() => listener.onEntry({ position: entries.positionAt(n), json: entries.jsonAt(n) }));
    }
  };

  return {
    wake() {
      if (awake || closed) return;
      awake = true;
      queueMicrotask(() => inOwnContext(deliver));
    },
    close() {
      closed = true;
    },
  };
}
