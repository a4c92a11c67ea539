import type { Activity } from '../activity/activity.ts';
import { checkActivity } from '../activity/codec.ts';
import { type FlattenOptions, flatten } from '../activity/flatten.ts';
import { cutText, fits, jsonBytes } from '../activity/text.ts';
import { formatTimeUs, parseTimeUs } from '../activity/time.ts';
import { log } from '../diag.ts';
import { createId } from './activity-id.ts';
import { nowUs } from './clock.ts';
import type { PendingRecord } from './pending-activity.ts';
import { ENVELOPE_BYTES } from './pending-encoder.ts';
import type { NewActivity } from './publisher-contract.ts';

/** Texts beside the attributes that may be as long as the application likes. */
const TEXTS = ['name', 'summary', 'service', 'instance', 'callId', 'statusMessage', 'scope'] as const;

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
    const envelopeBytes = ENVELOPE_BYTES + cutTexts(rest, flattening);
    const { attributes, sizeBytes } = flatten(rest.attributes, { ...flattening, envelopeBytes });
    return { ...rest, attributes, timeUs: parseTimeUs(time) ?? timeUs, sizeBytes: sizeBytes + envelopeBytes };
  } catch (error) {
    log.warn('publish: the activity cannot be read', error);
    return undefined;
  }
}

/** Cuts the texts to the length of a value, in place; answers how many bytes of JSON they make. */
function cutTexts(activity: Partial<Pick<Activity, (typeof TEXTS)[number]>>, flattening: FlattenOptions): number {
  const { limits, counts } = flattening;
  let bytes = 0;
  for (const member of TEXTS) {
    const text = activity[member];
    if (text === undefined) continue;
    const isShort = fits(text, limits.attributeBytesMax);
    const kept = isShort ? text.toWellFormed() : cutText(text, limits.attributeBytesMax);
    if (!isShort) counts.valueBytes += 1;
    activity[member] = kept;
    bytes += jsonBytes(kept);
  }
  return bytes;
}
