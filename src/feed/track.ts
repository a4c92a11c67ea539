import { comparePositions, isTimePosition, judge, type Position, type Verdict } from '../activity/cursor.ts';
import type { BusInfo } from '../bus/bus.ts';

/** How far somebody has followed the log. */
export interface Track {
  /** Newest activity taken, or the place directly before the first one. */
  readonly position: Position;
  /** There was an activity at `position`. */
  readonly taken: boolean;
  /** The next activity must be `n + 1`. A point in time owes nothing and is owed nothing. */
  readonly exact: boolean;
  /** Entries without a valid activity that followed `position` without a hole reach up to this `n`. */
  readonly chain: number;
  /** Everything up to here was read from the log or came live. */
  readonly read: Position;
}

/** Stands at an activity. */
export function trackAt(position: Position): Track {
  return { position, taken: true, exact: true, chain: position.n, read: position };
}

/** Stands directly before the next activity; nothing need be at the place itself (`n` 0 is the head of an empty log). */
export function trackBefore(position: Position): Track {
  return { ...trackAt(position), taken: false };
}

/** Stands at a point in time. */
export function trackFrom(position: Position): Track {
  return { position, taken: false, exact: false, chain: position.n, read: position };
}

/** Whether the activity at `next` is the next one; entries passed as invalid are not missed. */
export function judgeNext(track: Track, next: Position): Verdict {
  const verdict = judge(track.position, next);
  if (!track.exact) return { verdict: comparePositions(next, track.position) > 0 ? 'follows' : 'duplicate' };
  if (verdict.verdict === 'duplicate' || verdict.verdict === 'diverged') return verdict;
  const missed = missedBefore(track, next.n);
  return missed === 0 ? { verdict: 'follows' } : { verdict: 'ahead', missed };
}

/** Log entries between the track and the one numbered `n`. */
export function missedBefore(track: Track, n: number): number {
  return n - 1 - Math.max(track.position.n, Math.min(track.chain, n - 1));
}

/** Steps over an entry that holds no valid activity: it is no activity and, where it carries the next number, no loss. */
export function passInvalid(track: Track, position: Position): Track {
  const chain = position.n === track.chain + 1 ? position.n : track.chain;
  return { ...track, chain, read: later(track.read, position) };
}

/** What one look at the log says about what is known of it. */
export type Comparison =
  /** Nothing is missing. */
  | 'same'
  /** The log goes on where the track ends. */
  | 'behind'
  /** An empty log got an epoch, or the first entries told of it already: nothing is lost, only the epoch is news. */
  | 'renewed'
  /** Rolled back, recreated, or another history: `reset`. */
  | 'diverged';

/**
 * The check after every (re)subscribe and at each idle check (contract, "Position"). `info` was asked with the track's
 * position as its probe; `since` is the log time of the first activity known of this history.
 */
export function compareWithLog(track: Track, epoch: number | undefined, since: number, info: BusInfo): Comparison {
  if (info.epoch !== epoch) {
    if (isTimePosition(track.position)) return 'renewed';
    return since >= info.epoch && info.probe === 'present' ? 'renewed' : 'diverged';
  }
  if (isTimePosition(track.position)) return info.last.n > track.chain ? 'behind' : 'same';
  if (comparePositions(info.last, track.position) < 0) return 'diverged';
  if (track.taken && isGone(track.position, info)) return 'diverged';
  return info.last.n > track.chain || comparePositions(info.last, track.read) > 0 ? 'behind' : 'same';
}

/** The probed position lies inside what the log retains, and is not there. */
export function isGone(position: Position, info: BusInfo): boolean {
  if (info.probe === 'present' || info.first === undefined) return false;
  return comparePositions(position, info.last) !== 0 && comparePositions(position, info.first) > 0;
}

export function later(a: Position, b: Position): Position {
  return comparePositions(a, b) < 0 ? b : a;
}
