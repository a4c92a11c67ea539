import type { Activity } from '../../../src/activity/activity.ts';
import { decodeActivity, encodeActivity } from '../../../src/activity/codec.ts';
import type { Publisher } from '../../../src/sdk/publisher-contract.ts';

/** A publisher of the user's own: only the public door. What it gets has to be a valid activity. */
export function createRecordingPublisher() {
  const activities: Activity[] = [];
  let flushes = 0;
  const publisher: Publisher = {
    publish(activity) {
      const checked = decodeActivity(encodeActivity(activity as Activity));
      if (!checked.ok) throw new Error(checked.reason);
      activities.push(checked.activity);
    },
    async flush() {
      flushes += 1;
    },
    close: async () => undefined,
    stats: () => {
      throw new Error('nobody asks for the figures');
    },
  };
  return {
    publisher,
    activities,
    get flushes() {
      return flushes;
    },
  };
}
