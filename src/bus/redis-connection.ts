import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../diag.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import { backOffMs } from './back-off.ts';
import { closedError } from './bus-errors.ts';
import { type RedisLink, untraced } from './redis-link.ts';

/** Longest pause between tries: where Redis is away, and where it refuses us and somebody has to change something first. */
const AWAY_PAUSE_MAX_MS = 2_000;
const REFUSED_PAUSE_MAX_MS = 5_000;
/** A connection that lasted this long counts as good: the next pause is the first again. */
const GOOD_AFTER_MS = 1_000;

export interface ConnectionOptions {
  /** Opens a link and checks it. It has to close what it does not return, and to give up when the signal says so. */
  open(signal: AbortSignal): Promise<RedisLink>;
  /** Called with the link when it is up, with the reason when it is lost. Not called at `close`. */
  onChange?(link: RedisLink | undefined, reason?: LivespanError): void;
  keepAlive: boolean;
}

/** Keeps one link up: opens it, notices its loss, opens the next after a pause. */
export interface RedisConnection {
  readonly link: RedisLink | undefined;
  /** Why there is no link. */
  readonly problem: LivespanError | undefined;
  /** Resolves when a link is up; rejects with the reason of the next try that fails. */
  ready(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

interface Waiter {
  resolve(): void;
  reject(error: LivespanError): void;
}

export function createConnection({ open, onChange, keepAlive }: ConnectionOptions): RedisConnection {
  const stop = new AbortController();
  const waiters = new Set<Waiter>();
  let link: RedisLink | undefined;
  let problem: LivespanError | undefined;

  const tellWaiters = (error?: LivespanError): void => {
    for (const waiter of waiters) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
    waiters.clear();
  };

  /** One link from its opening to its loss; the time it was up, ms. */
  const turn = async (): Promise<number> => {
    let opened: RedisLink;
    try {
      opened = await open(stop.signal);
    } catch (error) {
      problem = toLivespanError(error, 'log_unavailable');
      log.debug(problem.message);
      tellWaiters(problem);
      return 0;
    }
    if (stop.signal.aborted) {
      opened.close(closedError());
      return 0;
    }
    const upSinceMs = performance.now();
    link = opened;
    problem = undefined;
    onChange?.(opened);
    tellWaiters();
    const reason = await opened.closed;
    link = undefined;
    problem = reason;
    if (!stop.signal.aborted) onChange?.(undefined, reason);
    return performance.now() - upSinceMs;
  };

  const run = async (): Promise<void> => {
    for (let attempt = 0; !stop.signal.aborted; attempt++) {
      if ((await turn()) >= GOOD_AFTER_MS) attempt = 0;
      const pauseMaxMs = problem?.code === 'log_refused' ? REFUSED_PAUSE_MAX_MS : AWAY_PAUSE_MAX_MS;
      await sleep(backOffMs(attempt, pauseMaxMs), undefined, { ref: keepAlive, signal: stop.signal }).catch(
        () => undefined,
      );
    }
    problem = closedError();
    tellWaiters(problem);
  };
  const running = untraced(run);

  return {
    get link() {
      return link;
    },
    get problem() {
      return problem;
    },
    async ready(signal) {
      if (link !== undefined) return;
      if (stop.signal.aborted) throw closedError();
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          waiters.delete(waiter);
          reject(new LivespanError('timeout', problem?.message ?? 'Redis was not reached in time'));
        };
        const waiter: Waiter = {
          resolve() {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
          reject(error) {
            signal?.removeEventListener('abort', onAbort);
            reject(error);
          },
        };
        waiters.add(waiter);
        if (signal?.aborted) onAbort();
        else signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    async close() {
      stop.abort();
      link?.close(closedError());
      await running;
    },
  };
}
