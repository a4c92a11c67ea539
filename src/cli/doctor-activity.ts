import type { Activity } from '../activity/activity.ts';
import { formatTimeUs } from '../activity/time.ts';
import { createId } from '../sdk/activity-id.ts';
import { nowUs } from '../sdk/clock.ts';
import { defaultInstance } from '../sdk/instance.ts';

/** The one real activity that the doctor sends through every hop; it stays in the log, as a notice of who was there. */
export function doctorActivity(): Activity {
  const timeUs = nowUs();
  return {
    id: createId(timeUs / 1_000),
    kind: 'notice',
    name: 'doctor.probe',
    time: formatTimeUs(timeUs),
    severity: 'debug',
    summary: 'livespan doctor has sent this to see whether it arrives',
    service: 'livespan-doctor',
    instance: defaultInstance(),
    attributes: {},
  };
}
