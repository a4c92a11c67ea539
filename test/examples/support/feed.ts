import type { Activity } from '../../../src/activity/activity.ts';
import { decodeActivity } from '../../../src/activity/codec.ts';
import type { RedisServer } from '../../support/redis.ts';

/** Reads a feed the way anybody may: with plain redis-cli. */
export interface FeedReader {
  read(): Promise<Activity[]>;
  /** Reads until `enough` holds; the failure shows what was there instead. */
  until(what: string, enough: (activities: Activity[]) => boolean): Promise<Activity[]>;
}

export function readFeed(redis: RedisServer, feed: string, timeoutMs = 20_000): FeedReader {
  const read = async (): Promise<Activity[]> => {
    const lines = (await redis.cli('XRANGE', feed, '-', '+')).split('\n');
    return lines
      .filter((line) => line.startsWith('{'))
      .map((line) => {
        const decoded = decodeActivity(line);
        if (!decoded.ok) throw new Error(`not an activity: ${decoded.reason}`);
        return decoded.activity;
      });
  };
  return {
    read,
    async until(what, enough) {
      const endMs = Date.now() + timeoutMs;
      for (;;) {
        const activities = await read();
        if (enough(activities)) return activities;
        if (Date.now() > endMs) {
          const names = activities.map(({ kind, name, callId }) => `${kind} ${name} ${callId ?? ''}`);
          throw new Error(`waited in vain for ${what}; there is:\n${names.join('\n')}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** The names of the events of one call, in feed order. */
export function eventsOf(activities: Activity[], callId: string): Activity[] {
  return activities.filter((activity) => activity.kind === 'event' && activity.callId === callId);
}
