import { log } from '../diag.ts';
import type { BatchContent } from './batch.ts';
import type { DropLedger } from './drop-ledger.ts';
import type { PendingRecord } from './pending-activity.ts';
import { encodePending, type Origin } from './pending-encoder.ts';
import type { PendingRing } from './pending-ring.ts';

/** A call of 128 holds up a Redis for about 0.4 ms. */
const COUNT_MAX = 128;
const BYTES_MAX = 1_048_576;

export interface Composition {
  ring: PendingRing;
  drops: DropLedger;
  origin: Origin;
  activityBytesMax: number;
  /** Goes before everything else. */
  first: PendingRecord | undefined;
  /** Made for the very end, when the ring is empty. */
  last: (() => PendingRecord) | undefined;
}

/**
 * Takes the oldest activities out of the ring and writes them as JSON. A notice about drops stands exactly where the
 * dropped ones would have stood: before the activities that are younger than they were.
 */
export function composeBatch({ ring, drops, origin, activityBytesMax, first, last }: Composition): BatchContent {
  const activities: string[] = [];
  const notices: number[] = [];
  const firstSequence = ring.firstSequence;
  let bytes = 0;
  let sign: BatchContent['sign'] = first === undefined ? 'alive' : 'started';

  const add = (json: string): void => {
    activities.push(json);
    bytes += json.length;
  };
  const addNotice = (notice: PendingRecord): void => {
    notices.push(activities.length);
    add(encodePending(notice, origin));
  };

  if (first !== undefined) addNotice(first);
  while (activities.length < COUNT_MAX && bytes < BYTES_MAX) {
    if (drops.untold > 0) {
      addNotice(drops.takeNotice());
      continue;
    }
    const pending = ring.shift();
    if (pending === undefined) {
      if (last !== undefined) {
        addNotice(last());
        sign = 'stopped';
      }
      break;
    }
    const json = encode(pending, origin);
    if (json === undefined) drops.count('invalid', 1);
    else if (isLongerThan(json, activityBytesMax)) drops.count('too_large', 1);
    else add(json);
  }
  return { activities, notices, firstSequence, bytes, sign };
}

function encode(pending: PendingRecord, origin: Origin): string | undefined {
  try {
    return encodePending(pending, origin);
  } catch (error) {
    log.warn(`${pending.name} cannot be written as JSON`, error);
    return undefined;
  }
}

function isLongerThan(json: string, bytesMax: number): boolean {
  return json.length * 3 > bytesMax && Buffer.byteLength(json) > bytesMax;
}
