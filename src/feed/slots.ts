import { decodeActivity, withCursor } from '../activity/codec.ts';
import { formatCursor, type Position } from '../activity/cursor.ts';
import type { BusEntry } from '../bus/bus.ts';
import type { RingSlot } from './ring.ts';

export type ActivitySlot = Extract<RingSlot, { type: 'activity' }>;

/** Object headers, the attribute map and the cursor of one activity, roughly. */
const SLOT_BYTES = 512;

/** The one place where an entry is parsed; `undefined` where it holds no valid activity. */
export function activitySlot(entry: BusEntry): ActivitySlot | undefined {
  const decoded = decodeActivity(entry.json);
  if (!decoded.ok) return undefined;
  const cursor = formatCursor(entry.position);
  const json = withCursor(entry.json, cursor);
  // The text, and its values once more in the decoded activity.
  return {
    type: 'activity',
    position: entry.position,
    cursor,
    json,
    activity: decoded.activity,
    bytes: SLOT_BYTES + 2 * json.length,
  };
}

export function gapSlot(position: Position, missed: number): RingSlot {
  return { type: 'gap', position, cursor: formatCursor(position), missed };
}

export function resetSlot(position: Position): RingSlot {
  return { type: 'reset', position, cursor: formatCursor(position) };
}
