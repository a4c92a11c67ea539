import type { Activity } from '../../activity/activity.ts';
import type { Omission, Waiting } from './frame-queue.ts';
import { isError, spanKey } from './span-row.ts';

export interface Thinned {
  /** What stays, after one sign of all that does not. */
  kept: Waiting[];
  /** Activities that were given up. */
  omitted: number;
}

/** Gives up what is not an error, no word of the system, no hole, and not the end of a span that is shown or will be. */
export function withoutOrdinary(
  list: readonly Waiting[],
  before: readonly Waiting[],
  isOpen: (span: Activity) => boolean,
): Thinned {
  const { kept, given } = part(list, list.length, [spare(before, isOpen)]);
  return mark([...before, ...kept], given, false);
}

/** `count` of the oldest are given up: errors and notices where there is nothing else, and awaited ends at the very last. */
export function withoutOldest(list: readonly Waiting[], count: number, isOpen: (span: Activity) => boolean): Thinned {
  const isSpared = spare([], isOpen);
  const ends = new Set<Waiting>();
  const seeEnds = (one: Waiting): boolean => {
    const spared = isSpared(one);
    if (spared && one.frame.type === 'activity' && one.frame.activity.kind === 'span.end') ends.add(one);
    return spared;
  };
  const { kept, given } = part(list, count, [seeEnds, (one) => ends.has(one), () => false]);
  const isBlind = given.some((one) => ends.has(one) || mayEndSpans(one.frame));
  return mark(kept, given, isBlind);
}

/** Gives up `count` of the oldest, by the first of the rules as many as that allows, and so on. */
function part(
  list: readonly Waiting[],
  count: number,
  rules: readonly ((one: Waiting) => boolean)[],
): { kept: readonly Waiting[]; given: readonly Waiting[] } {
  const given: Waiting[] = [];
  let kept = list;
  for (const isSpared of rules) {
    kept = kept.filter((one) => {
      if (given.length >= count || isSpared(one)) return true;
      given.push(one);
      return false;
    });
  }
  return { kept, given };
}

/** To be asked in the order of the list: the end of a span is awaited where its start stays. */
function spare(before: readonly Waiting[], isOpen: (span: Activity) => boolean): (one: Waiting) => boolean {
  const starts = new Set<string>();
  const see = (activity: Activity): void => {
    if (activity.kind === 'span.start') starts.add(keyOf(activity));
  };
  for (const { frame } of before) if (frame.type === 'activity') see(frame.activity);
  return ({ frame }) => {
    if (frame.type !== 'activity') return true;
    const { activity } = frame;
    const isAwaited = activity.kind === 'span.end' && (starts.has(keyOf(activity)) || isOpen(activity));
    if (!isAwaited && activity.kind !== 'notice' && !isError(activity)) return false;
    see(activity);
    return true;
  };
}

function mark(kept: readonly Waiting[], given: readonly Waiting[], isBlind: boolean): Thinned {
  const last = given.at(-1);
  if (last === undefined) return { kept: [...kept], omitted: 0 };
  const [first, ...others] = kept;
  const isMarked = first?.frame.type === 'omitted';
  const sign: Omission = { type: 'omitted', cursor: last.frame.cursor, missed: 0, isBlind };
  for (const { frame } of isMarked ? [first, ...given] : given) {
    if (frame.type === 'activity') sign.missed += 1;
    else if (frame.type === 'omitted') {
      sign.missed += frame.missed;
      sign.isBlind ||= frame.isBlind;
    }
  }
  return {
    kept: [{ frame: sign, receivedMs: last.receivedMs }, ...(isMarked ? others : kept)],
    omitted: given.filter(({ frame }) => frame.type === 'activity').length,
  };
}

/** Holes, and what tells of an instance: without it, a span would seem to run on. */
function mayEndSpans(frame: Waiting['frame']): boolean {
  return frame.type === 'activity' ? frame.activity.kind === 'notice' : /gap|lagged|reset/.test(frame.type);
}

function keyOf({ traceId, spanId = '' }: Activity): string {
  return spanKey(traceId, spanId);
}
