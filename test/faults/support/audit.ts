import type { Activity } from '../../../src/activity/activity.ts';
import type { FeedMessage } from '../../../src/feed/open-feed.ts';

/** What one reader saw, held against the promises of the feed as it comes. */
export interface Audit {
  /** Events seen, each once. */
  delivered: number;
  /** Entries of the log seen: events and notices. */
  entries: number;
  /** Events that came again; only a log that lost its data may cause that. */
  repeated: number;
  /** Drops that notices told, in total and by reason. */
  toldDropped: number;
  droppedByReason: Record<string, number>;
  gaps: number;
  /** Entries that gap messages counted. */
  missed: number;
  resets: number;
  /** Events gone without a notice or a gap, at a reset: the log lost its data. */
  lost: number;
  /** Index that the next event has, if nothing is lost. */
  next: number;
  /** Broken promises; must stay empty. */
  problems: string[];
}

/** Follows one reader. `fault.load` events are numbered by the application, from 0, without a hole. */
export function createAudit(): Audit & { take(message: FeedMessage): void } {
  /** Told since the last numbered event: what a hole before the next one must be made of. */
  let told = { dropped: 0, missed: 0, reset: false };
  let resetEver = false;
  const audit = {
    delivered: 0,
    entries: 0,
    repeated: 0,
    toldDropped: 0,
    droppedByReason: {} as Record<string, number>,
    gaps: 0,
    missed: 0,
    resets: 0,
    lost: 0,
    next: 0,
    problems: [] as string[],
    take,
  };

  function take(message: FeedMessage): void {
    if (message.type === 'activity') takeActivity(message.activity);
    else if (message.type === 'reset') {
      audit.resets += 1;
      told.reset = true;
      resetEver = true;
    } else {
      audit.gaps += 1;
      audit.missed += message.missed;
      told.missed += message.missed;
    }
  }

  function takeActivity(activity: Activity): void {
    const { name, attributes } = activity;
    audit.entries += 1;
    if (name === 'livespan.dropped') takeNotice(attributes);
    else if (name === 'fault.changed') takeSnapshot(activity);
    else if (name !== 'fault.load') audit.delivered += activity.kind === 'event' ? 1 : 0;
    else takeIndex(Number(attributes.index));
  }

  function takeSnapshot({ attributes }: Activity): void {
    audit.delivered += 1;
    if (JSON.stringify(attributes).includes('after')) audit.problems.push('data changed after the call was seen');
  }

  function takeNotice(attributes: Activity['attributes']): void {
    const total = Number(attributes['livespan.dropped.total']);
    audit.toldDropped += total;
    // What could not be read at all had no number.
    told.dropped += total - Number(attributes['livespan.dropped.invalid'] ?? 0);
    for (const [key, value] of Object.entries(attributes)) {
      const reason = key.slice('livespan.dropped.'.length);
      if (reason !== 'total') audit.droppedByReason[reason] = (audit.droppedByReason[reason] ?? 0) + Number(value);
    }
  }

  function takeIndex(index: number): void {
    const hole = index - audit.next;
    if (hole < 0) {
      // A batch whose answer was lost with the data is sent again: readers of the old log may have seen it.
      if (!resetEver) audit.problems.push(`event ${index} came again`);
      audit.repeated += 1;
      return;
    }
    const rest = hole - told.dropped;
    if (told.reset) {
      if (rest < 0) audit.problems.push(`${told.dropped} drops were told where ${hole} events are missing`);
      audit.lost += Math.max(0, rest - told.missed);
    } else if (rest !== told.missed) {
      const words = `${told.dropped} drops and a gap of ${told.missed} were told`;
      audit.problems.push(`before event ${index} ${hole} are missing, and ${words}`);
    }
    told = { dropped: 0, missed: 0, reset: false };
    audit.delivered += 1;
    audit.next = index + 1;
  }

  return audit;
}
