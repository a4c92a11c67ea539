import type { Activity } from '../activity/activity.ts';

/**
 * An activity as the SDK's ring holds it between the call and the flush: no JSON and no time text yet, both are made off
 * the caller's path. `service` and `instance` are the publisher's own unless given.
 */
export interface PendingActivity extends Omit<Activity, 'time'> {
  /** Microseconds since the Unix epoch; a whole number (exact: below 2^53 until 2255). */
  timeUs: number;
  /** Estimate of the JSON's size in bytes, for the ring's bound. */
  sizeBytes: number;
}

type Needed = 'id' | 'kind' | 'name' | 'severity' | 'attributes' | 'timeUs' | 'sizeBytes';

/** The same where members may be there without a value, so that records of one kind share a hidden class. */
export type PendingRecord = { [K in Exclude<keyof PendingActivity, Needed>]?: PendingActivity[K] | undefined } & Pick<
  PendingActivity,
  Needed
>;
