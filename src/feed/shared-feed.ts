import { openBus } from '../bus/open-bus.ts';
import { log } from '../diag.ts';
import { createLiveFeed, type LiveFeed } from './live-feed.ts';

/** Readers of a library call come and go: they start live or page through the log, so a small piece of it is enough. */
const SEED_COUNT_MAX = 1_000;

interface SharedFeed {
  readers: number;
  readonly feed: Promise<LiveFeed>;
}

/** By URL and name of the feed: all readers of one process share one subscription to it. */
const feeds = new Map<string, SharedFeed>();

/**
 * Takes part in the live feed of that log, opened by the first reader and closed with the last one.
 * @throws LivespanError `invalid_option` for a URL that is none of a log
 */
export async function joinFeed(url: string, feed: string): Promise<{ feed: LiveFeed; leave(): Promise<void> }> {
  const key = `${feed} ${url}`;
  const shared = feeds.get(key) ?? { readers: 0, feed: open(url, feed) };
  feeds.set(key, shared);
  shared.readers += 1;
  let left = false;
  const leave = async (): Promise<void> => {
    if (left) return;
    left = true;
    shared.readers -= 1;
    if (shared.readers > 0) return;
    if (feeds.get(key) === shared) feeds.delete(key);
    const live = await shared.feed;
    await live.close();
    await live.bus.close();
  };
  try {
    return { feed: await shared.feed, leave };
  } catch (error) {
    left = true;
    feeds.delete(key);
    throw error;
  }
}

async function open(url: string, name: string): Promise<LiveFeed> {
  const bus = await openBus({ url, feed: name, keepAlive: true });
  const feed = createLiveFeed({ bus, seedCountMax: SEED_COUNT_MAX });
  feed.start().catch((error: unknown) => log.debug('the log cannot be read yet', error));
  return feed;
}
