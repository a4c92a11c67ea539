import type { FeedMessage, OpenFeedOptions } from './open-feed.ts';

/**
 * Follows the feed: each activity once and in order, across lost connections, and a message for whatever was lost. Ends
 * when the loop is left or `signal` is aborted.
 * @throws LivespanError at the first message: `invalid_option`, `invalid_filter`, `invalid_cursor` for what was given;
 * `log_refused`, `unauthenticated`, `forbidden` where the other side refuses for good
 */
export function openFeed(options: OpenFeedOptions = {}): AsyncGenerator<FeedMessage, void, undefined> {
  let messages: Promise<AsyncGenerator<FeedMessage, void, undefined>> | undefined;
  /** The reader is loaded with the first message: an application that only emits never needs it. */
  const open = () => {
    messages ??= import('./open-feed.ts').then((module) => module.openFeed(options));
    return messages;
  };
  return {
    next: async () => (await open()).next(),
    return: async (value) => (await open()).return(value),
    throw: async (error) => (await open()).throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}
