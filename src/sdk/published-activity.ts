import { checkActivity } from '../activity/codec.ts';
import { type FlattenOptions, flatten } from '../activity/flatten.ts';
import { formatTimeUs, parseTimeUs } from '../activity/time.ts';
import { log } from '../diag.ts';
import { createId } from './activity-id.ts';
import { nowUs } from './clock.ts';
import type { PendingRecord } from './pending-activity.ts';
import { ENVELOPE_BYTES } from './pending-encoder.ts';
import type { NewActivity } from './publisher-contract.ts';

/** What an application gave to `publish`: checked by the contract, redacted and cut; `undefined` where it is no activity. */
export function readActivity(activity: NewActivity, flattening: FlattenOptions): PendingRecord | undefined {
  try {
    const timeUs = nowUs();
    const checked = checkActivity({
      id: createId(timeUs / 1_000),
      kind: 'event',
      time: formatTimeUs(timeUs),
      severity: 'info',
      attributes: {},
      ...activity,
    });
    if (!checked.ok) {
      log.warn(`publish: ${checked.reason}`);
      return undefined;
    }
    const { time, ...rest } = checked.activity;
    const { attributes, sizeBytes } = flatten(rest.attributes, flattening);
    return { ...rest, attributes, timeUs: parseTimeUs(time) ?? timeUs, sizeBytes: sizeBytes + ENVELOPE_BYTES };
  } catch (error) {
    log.warn('publish: the activity cannot be read', error);
    return undefined;
  }
}
