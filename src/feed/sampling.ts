import type { Activity } from '../activity/activity.ts';
import type { RingSlot } from './ring.ts';

export const SAMPLE_FIRST = 4;
export const SAMPLE_MAX = 1_024;

/**
 * Whether a reader that gets 1 in `oneIn` gets this slot. Errors, notices and both ends of every span are always kept (so
 * running spans stay right), as are control slots. Chosen by the entry's own number: all readers keep the same ones.
 */
export function isKept(slot: RingSlot, oneIn: number): boolean {
  return oneIn <= 1 || slot.type !== 'activity' || slot.position.n % oneIn === 0 || isAlwaysKept(slot.activity);
}

function isAlwaysKept(activity: Activity): boolean {
  const { kind, severity, status } = activity;
  if (kind === 'span.start' || kind === 'span.end' || kind === 'notice') return true;
  return severity === 'error' || severity === 'fatal' || status === 'error';
}
