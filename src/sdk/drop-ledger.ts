import { createId } from './activity-id.ts';
import { nowUs } from './clock.ts';
import type { PendingRecord } from './pending-activity.ts';
import { DROP_REASONS, type DropReason } from './publisher-contract.ts';

/** Counts what was dropped, by reason, and owes the feed a notice about each. */
export interface DropLedger {
  readonly totals: Readonly<Record<DropReason, number>>;
  /** Dropped since the last notice. */
  readonly untold: number;
  count(reason: DropReason, count: number): void;
  /** `livespan.dropped` with the exact numbers since the last one, which are then told. */
  takeNotice(): PendingRecord;
}

export function createDropLedger(): DropLedger {
  const totals = noDrops();
  let since = noDrops();
  let untold = 0;
  return {
    totals,
    get untold() {
      return untold;
    },
    count(reason, count) {
      totals[reason] += count;
      since[reason] += count;
      untold += count;
    },
    takeNotice() {
      const notice = droppedNotice(untold, since);
      since = noDrops();
      untold = 0;
      return notice;
    },
  };
}

export function noDrops(): Record<DropReason, number> {
  return { queue_full: 0, too_large: 0, invalid: 0, rejected: 0, unconfirmed: 0, closed: 0 };
}

function droppedNotice(total: number, counts: Record<DropReason, number>): PendingRecord {
  const reasons = DROP_REASONS.filter((reason) => counts[reason] > 0);
  const attributes: Record<string, number> = { 'livespan.dropped.total': total };
  for (const reason of reasons) attributes[`livespan.dropped.${reason}`] = counts[reason];
  const timeUs = nowUs();
  return {
    id: createId(timeUs / 1_000),
    kind: 'notice',
    name: 'livespan.dropped',
    timeUs,
    severity: 'warn',
    summary: `${total} ${total === 1 ? 'activity was' : 'activities were'} dropped here: ${reasons
      .map((reason) => `${reason} ${counts[reason]}`)
      .join(', ')}`,
    attributes,
    sizeBytes: 0,
  };
}
