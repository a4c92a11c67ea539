import { LivespanError } from '../errors.ts';
import type { Bus } from './bus.ts';
import { shareMemoryBus } from './memory-registry.ts';

export interface OpenBusOptions {
  /** `redis://…`, `rediss://…`, `redis+sentinel://h1:p,h2:p/name`, `memory:`. */
  url: string;
  /** Name of the feed. */
  feed: string;
  /** Entries kept: on Redis a lower bound, in memory an upper one. */
  logCountMax?: number | undefined;
  /** Bytes kept, in memory only. */
  logBytesMax?: number | undefined;
  /** Age at which entries may be trimmed, ms; 0 is never. */
  logAgeMaxMs?: number | undefined;
  /** Whether connections and timers keep the process alive. Default false: a script that is done ends by itself. */
  keepAlive?: boolean | undefined;
}

const LOG_COUNT_MAX = 100_000;

/**
 * The log at a URL. Resolves at once with a bus that connects by itself; `ready()` tells when it has.
 * @throws LivespanError `invalid_option` for a URL that is not one of a log
 */
export async function openBus(options: OpenBusOptions): Promise<Bus> {
  const { url, feed, logCountMax = LOG_COUNT_MAX, logAgeMaxMs = 0, keepAlive = false } = options;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'memory':
      return shareMemoryBus(feed, {
        countMax: logCountMax,
        ageMaxMs: logAgeMaxMs,
        ...(options.logBytesMax === undefined ? {} : { bytesMax: options.logBytesMax }),
      });
    case 'redis':
    case 'rediss':
    case 'redis+sentinel': {
      const { createRedisBus } = await import('./redis-bus.ts');
      return createRedisBus({ url, feed, keepAlive, retention: { countMax: logCountMax, ageMaxMs: logAgeMaxMs } });
    }
    case 'redis+cluster':
      throw invalid('redis+cluster:// is not served yet (a feed has no partitions): point it at a single Redis');
    case 'http':
    case 'https':
      throw invalid(
        `${scheme}:// is a livespan server and not a log; a log is redis://…, rediss://…, redis+sentinel://… or memory:`,
      );
    default:
      throw invalid('the URL is none of redis://…, rediss://…, redis+sentinel://…, memory:');
  }
}

function invalid(problem: string): LivespanError {
  return new LivespanError('invalid_option', `url: ${problem}`, { details: { option: 'url' } });
}
