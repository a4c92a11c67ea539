import { formatCursor, type Position } from '../activity/cursor.ts';
import { backOffMs } from '../bus/back-off.ts';
import type { Bus, BusInfo } from '../bus/bus.ts';
import { LivespanError } from '../errors.ts';
import type { History } from './history.ts';
import { type ActivitySlot, activitySlot } from './slots.ts';
import { WakeUp } from './wake-up.ts';

/** A stretch of the log, parsed once for every reader that comes by. */
export interface ReplayPage {
  steps: readonly PageStep[];
  /** Where the next page goes on (exclusive); absent when the log ended here. */
  next: Position | undefined;
  /** Newest position that the ring had before the log was asked: all up to here was in the log, or is gone from it. */
  known: Position | undefined;
  /** Epoch of the log that was read; the ring had it before, and the log still had it afterwards. */
  epoch: number | undefined;
}
export type PageStep = ActivitySlot | { type: 'invalid'; position: Position };

/** Reads the log for replays. Readers at the same place share one call; a failed call is repeated until it succeeds. */
export interface PageCache {
  /** @param inclusive also the entry at `after` itself, so that a reader sees whether its own place is still there */
  page(after: Position, inclusive: boolean, signal: AbortSignal): Promise<ReplayPage>;
  info(probe: Position, signal: AbortSignal): Promise<BusInfo>;
}

/** Pages end at multiples of this, so that readers who come from different places are on the same page from the second on. */
const PAGE_COUNT = 500;
const BACK_OFF_MAX_MS = 2_000;
const PAGES_MAX = 64;
const PAGES_BYTES_MAX = 16 * 1_048_576;
/** The log changes under a page only by trimming, so a page may be a little old. */
const PAGE_AGE_MAX_MS = 5_000;

export function createPageCache(bus: Bus, history: History, onOtherEpoch: () => void): PageCache {
  const calls = new Map<string, SharedCall<unknown>>();
  const pages = new Map<string, { page: ReplayPage; bytes: number; atMs: number }>();
  let heldBytes = 0;

  const share = async <T>(key: string, call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    const under = calls.get(key) as SharedCall<T> | undefined;
    if (under !== undefined) return under.join(signal);
    // Gone from here as soon as nobody waits: whoever comes next must not join a call that was given up.
    const shared: SharedCall<T> = new SharedCall(call, () => {
      if (calls.get(key) === shared) calls.delete(key);
    });
    calls.set(key, shared);
    return shared.join(signal);
  };

  const forget = (key: string): void => {
    heldBytes -= pages.get(key)?.bytes ?? 0;
    pages.delete(key);
  };
  const keep = (key: string, page: ReplayPage): void => {
    forget(key);
    const bytes = page.steps.reduce((sum, step) => sum + (step.type === 'activity' ? step.bytes : 0), 0);
    pages.set(key, { page, bytes, atMs: performance.now() });
    heldBytes += bytes;
    for (const [oldest, held] of pages) {
      const old = performance.now() - held.atMs > PAGE_AGE_MAX_MS;
      if (!old && pages.size <= PAGES_MAX && heldBytes <= PAGES_BYTES_MAX) break;
      forget(oldest);
    }
  };

  const load = async (after: Position, inclusive: boolean, signal: AbortSignal): Promise<ReplayPage> => {
    const known = history.ring.newest();
    const { epoch } = history;
    const bounds = inclusive ? { from: after } : { after };
    const limit = PAGE_COUNT - (after.n % PAGE_COUNT) + (inclusive ? 1 : 0);
    const { entries, next } = await bus.range({ ...bounds, limit, signal });
    const info = await bus.info(after);
    if (info.epoch !== epoch) onOtherEpoch();
    const steps = entries.map((entry) => activitySlot(entry) ?? { type: 'invalid' as const, position: entry.position });
    return { steps, next, known, epoch: info.epoch === epoch ? epoch : undefined };
  };

  return {
    async page(after, inclusive, signal) {
      const key = `${inclusive ? '[' : '('}${formatCursor(after)}`;
      const held = pages.get(key);
      if (held !== undefined && held.page.epoch === history.epoch && performance.now() - held.atMs <= PAGE_AGE_MAX_MS) {
        return held.page;
      }
      return share(
        key,
        async (abort) => {
          const page = await load(after, inclusive, abort);
          // The end of the log moves on: only a page that the log fills up to its limit stays true.
          if (page.next !== undefined && page.epoch !== undefined) keep(key, page);
          return page;
        },
        signal,
      );
    },
    async info(probe, signal) {
      const info = await share(`?${formatCursor(probe)}`, () => bus.info(probe), signal);
      if (info.epoch !== history.epoch) onOtherEpoch();
      return info;
    },
  };
}

/** One call, tried again after each failure for as long as somebody waits for it. */
class SharedCall<T> {
  readonly #outcome: Promise<T>;
  readonly #abandoned = new AbortController();
  readonly #onEnd: () => void;
  #waiting = 0;

  /** @param onEnd called when the outcome is there, and when the last one who waited has left before it */
  constructor(call: (signal: AbortSignal) => Promise<T>, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#outcome = this.#run(call).finally(onEnd);
    // Seen by whoever joined; when all have left there is nobody to tell.
    this.#outcome.catch(() => undefined);
  }

  async join(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    let leave: () => void = () => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
    });
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([this.#outcome, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#waiting -= 1;
      if (this.#waiting === 0) {
        this.#onEnd();
        this.#abandoned.abort(new LivespanError('closed', 'nobody waits for this any more'));
      }
    }
  }

  async #run(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#abandoned;
    const pause = new WakeUp();
    for (let failures = 0; ; failures++) {
      try {
        return await call(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof LivespanError && error.code === 'closed') throw error;
        await pause.wait(0, signal, backOffMs(failures, BACK_OFF_MAX_MS));
      }
    }
  }
}
