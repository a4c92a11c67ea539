import type { Activity } from '../activity/activity.ts';
import type { Position } from '../activity/cursor.ts';
import { compileFilter, parseFilter } from '../activity/filter.ts';
import { parseSince } from '../activity/since.ts';
import { givenOptions, readOptions, wrongOption } from '../config.ts';
import { warnOnce } from '../diag.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import type { Attached } from './handover.ts';
import type { LiveFeed } from './live-feed.ts';
import type { RingSlot } from './ring.ts';
import { joinFeed } from './shared-feed.ts';
import { WakeUp } from './wake-up.ts';

export interface OpenFeedOptions {
  /**
   * Where the feed is: `redis://…`, `rediss://…`, `redis+sentinel://…` (the log itself), `http(s)://…` (a livespan
   * server), `memory:` (this process). Default: `LIVESPAN_URL`, else `http://127.0.0.1:4319`.
   */
  url?: string | undefined;
  /** Name of the feed in a log; a server has its own. Default: `LIVESPAN_FEED`, else `livespan:activity`. */
  feed?: string | undefined;
  /** Where to start: a duration (`5m`), an ISO 8601 time or a cursor; `0-0` is the beginning. Default: now. */
  since?: string | undefined;
  /** Which activities, in the filter language. Control messages pass every filter. */
  filter?: string | undefined;
  /** Bearer token for a server. Default: `LIVESPAN_TOKEN`. */
  token?: string | undefined;
  /** Ends the feed without an error. */
  signal?: AbortSignal | undefined;
  /** Told why the feed waits; it tries again by itself. Default: a warning of the process, once. */
  onRetry?: ((error: LivespanError) => void) | undefined;
}

/** `cursor` is where to resume after the message. `missed` counts log entries, not matches of the filter. */
export type FeedMessage =
  | { type: 'activity'; cursor: string; activity: Activity }
  | { type: 'gap' | 'lagged'; cursor: string; missed: number }
  | { type: 'reset'; cursor: string };

const DEFAULT_URL = 'http://127.0.0.1:4319';

/**
 * Follows the feed: each activity once and in order, across lost connections, and a message for whatever was lost. It
 * reads only as fast as it is consumed; all feeds of one log in a process share one subscription. Ends when the loop is
 * left or `signal` is aborted, and then holds nothing; while the log cannot be reached it waits. Until then it keeps the
 * process alive, except over `memory:`: that log can only grow while something else is left to do.
 * @throws LivespanError at the first message: `invalid_option`, `invalid_filter`, `invalid_cursor` for what was given;
 * `log_refused`, `unauthenticated`, `forbidden` where the other side refuses for good
 */
export function openFeed(options: OpenFeedOptions = {}): AsyncGenerator<FeedMessage, void, undefined> {
  const left = new AbortController();
  const messages = quietly(options, left.signal);
  return {
    next: () => messages.next(),
    // A generator answers `return` only between two messages; whoever waits for one leaves all the same.
    return() {
      left.abort();
      return messages.return();
    },
    throw(error) {
      left.abort();
      return messages.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}

/** What was given is looked at here, at the first message: whoever only opens a feed hears of nothing yet. */
async function* quietly(given: OpenFeedOptions, left: AbortSignal): AsyncGenerator<FeedMessage, void, undefined> {
  const options = givenOptions(given);
  checkOwnOptions(options);
  const signal = options.signal === undefined ? left : AbortSignal.any([left, options.signal]);
  try {
    yield* read(options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Those that are no rows of the option table. */
function checkOwnOptions({ since, filter, signal, onRetry }: { [K in keyof OpenFeedOptions]: unknown }): void {
  if (since !== undefined && typeof since !== 'string') throw wrongOption('since', 'text');
  if (filter !== undefined && typeof filter !== 'string') throw wrongOption('filter', 'text');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrongOption('signal', 'an AbortSignal');
  if (onRetry !== undefined && typeof onRetry !== 'function') throw wrongOption('onRetry', 'a function');
}

async function* read(given: OpenFeedOptions, signal: AbortSignal): AsyncGenerator<FeedMessage, void, undefined> {
  const { url = DEFAULT_URL, feed: name, token } = readOptions(['url', 'feed', 'token'], given);
  const shows = filterOf(given.filter);
  checkSince(given.since, Date.now());
  const onRetry = given.onRetry ?? warnOf(url);
  if (/^https?:/i.test(url)) {
    const { openRemoteFeed } = await import('./remote-feed.ts');
    yield* openRemoteFeed({ url, since: given.since, filter: given.filter, token, signal, onRetry });
    return;
  }
  signal.throwIfAborted();
  const { feed, leave } = await joinFeed(url, name);
  try {
    yield* follow(feed, given.since, shows, signal, onRetry);
  } finally {
    await leave();
  }
}

async function* follow(
  feed: LiveFeed,
  since: string | undefined,
  shows: (activity: Activity) => boolean,
  signal: AbortSignal,
  onRetry: TellRetry,
): AsyncGenerator<FeedMessage, void, undefined> {
  const appended = new WakeUp();
  const stop = feed.onAppend(() => appended.wake());
  try {
    await reach(feed, signal, onRetry);
    const from = checkSince(since, feed.nowMs());
    let place: Attached =
      from === undefined
        ? { sequence: feed.ring.head, position: feed.position() }
        : yield* replayed(feed, from, shows, signal);
    while (true) {
      const seen = appended.count;
      if (place.sequence < feed.ring.tail) place = yield* replayed(feed, place.position, shows, signal);
      const slot = feed.ring.at(place.sequence);
      if (slot === undefined) {
        if (place.sequence === feed.ring.head) await appended.wait(seen, signal, IDLE_MS);
        continue;
      }
      place = { sequence: place.sequence + 1, position: slot.position };
      const message = messageOf(slot, shows);
      if (message !== undefined) yield message;
      signal.throwIfAborted();
    }
  } finally {
    stop();
  }
}

/** Nothing depends on it: appends wake the reader. */
const IDLE_MS = 60_000;

async function* replayed(
  feed: LiveFeed,
  from: Position,
  shows: (activity: Activity) => boolean,
  signal: AbortSignal,
): AsyncGenerator<FeedMessage, Attached, undefined> {
  const pages = feed.replay(from, signal);
  while (true) {
    const page = await pages.next();
    if (page.done) return page.value;
    for (const slot of page.value) {
      const message = messageOf(slot, shows);
      if (message !== undefined) yield message;
      signal.throwIfAborted();
    }
  }
}

/** Until the log is reached. One that refuses for good is an error of the caller's settings. */
async function reach(feed: LiveFeed, signal: AbortSignal, onRetry: TellRetry): Promise<void> {
  const live = feed.live(signal);
  // The connection for reading may come a moment after the one that listens: only its own failure counts.
  const started = feed.start().catch(async () => {
    try {
      await feed.bus.ready(signal);
    } catch (thrown) {
      const error = toLivespanError(thrown);
      if (error.code === 'log_refused') throw error;
      if (!signal.aborted) onRetry(error, 0, 1);
    }
  });
  await Promise.race([started, live]);
  await live;
}

type TellRetry = (error: LivespanError, delayMs: number, failures: number) => void;

/** A server that restarts ends its streams, and takes them again: worth no word. */
function warnOf(url: string): TellRetry {
  const at = url.replace(/^([a-z+]+:\/\/)(?:[^/?#]*@)?([^/?#]*).*$/i, '$1$2');
  return ({ message }, _delayMs, failures) => {
    if (failures === 0) return;
    warnOnce('LIVESPAN_FEED_UNREACHABLE', `livespan cannot read the feed at ${at} and tries again: ${message}`);
  };
}

function messageOf(slot: RingSlot, shows: (activity: Activity) => boolean): FeedMessage | undefined {
  const { type, cursor } = slot;
  if (type === 'gap') return { type, cursor, missed: slot.missed };
  if (type === 'reset') return { type, cursor };
  return shows(slot.activity) ? { type, cursor, activity: slot.activity } : undefined;
}

function filterOf(text: string | undefined): (activity: Activity) => boolean {
  const parsed = parseFilter(text ?? '');
  if (parsed.ok) return compileFilter(parsed.filter);
  const { column, message } = parsed;
  throw new LivespanError('invalid_filter', `filter, column ${column}: ${message}`, { details: { column } });
}

function checkSince(text: string | undefined, nowMs: number): Position | undefined {
  if (text === undefined || text === '') return undefined;
  const since = parseSince(text, nowMs);
  if (since.ok) return since.position;
  throw new LivespanError('invalid_cursor', `since: ${since.message}`);
}
