import { log } from '../diag.ts';

/**
 * Something changed: wakes whoever waits for it. Changes are counted, so that none is missed between looking and waiting,
 * however long the look takes.
 */
export class WakeUp {
  /** Changes so far. */
  count = 0;
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<() => void>();

  wake(): void {
    this.count += 1;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        log.error('a listener failed', error);
      }
    }
  }

  /** Calls the listener at every change, until the returned function is called. */
  onWake(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Resolves at the first change after the `seen` ones, at once when it was already: true. After `timeoutMs` without one:
   * false. Rejects on abort. Does not keep the process alive.
   */
  wait(seen: number, signal: AbortSignal, timeoutMs: number): Promise<boolean> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.count !== seen) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(woken);
        signal.removeEventListener('abort', aborted);
      };
      const woken = (): void => {
        end();
        resolve(true);
      };
      const aborted = (): void => {
        end();
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        end();
        resolve(false);
      }, timeoutMs);
      timer.unref();
      this.#waiting.add(woken);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }
}
