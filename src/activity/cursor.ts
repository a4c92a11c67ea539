/**
 * A place in the log: `ms` is log time in milliseconds, `n` the dense counter of entries. Written `<ms>-<n>`. Nothing
 * outside this file interprets a cursor: a reader of several partitions will have a vector of them.
 */
export interface Position {
  readonly ms: number;
  readonly n: number;
}

/** Before everything: never a gap, never a reset. */
export const BEGINNING: Position = Object.freeze({ ms: 0, n: 0 });

/** How an entry stands to the one before it. `missed` counts log entries. */
export type Verdict =
  | { verdict: 'follows' }
  | { verdict: 'duplicate' }
  | { verdict: 'ahead'; missed: number }
  | { verdict: 'diverged' };

const CURSOR = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** Strict: decimal, no sign, no leading zero, both parts safe integers. Anything else is `undefined`. */
export function parseCursor(text: string): Position | undefined {
  const match = CURSOR.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]);
  const n = Number(match[2]);
  return Number.isSafeInteger(ms) && Number.isSafeInteger(n) ? { ms, n } : undefined;
}

export function formatCursor(position: Position): string {
  return `${position.ms}-${position.n}`;
}

/** In log order, as Redis orders stream ids: negative when `a` comes first, 0 when they are the same place. */
export function comparePositions(a: Position, b: Position): number {
  return a.ms - b.ms || a.n - b.n;
}

/** The same for cursors. What is none, and anything beside it, counts as later: it is not known to have been before. */
export function compareCursors(a: string, b: string): number {
  const [at, other] = [parseCursor(a), parseCursor(b)];
  return at === undefined || other === undefined ? 1 : comparePositions(at, other);
}

/** `<ms>-0` stands before every entry of that millisecond and is no entry itself: what comes after it need not be `n` 1. */
export function isTimePosition(position: Position): boolean {
  return position.n === 0;
}

const FOLLOWS: Verdict = Object.freeze({ verdict: 'follows' });
const DUPLICATE: Verdict = Object.freeze({ verdict: 'duplicate' });
const DIVERGED: Verdict = Object.freeze({ verdict: 'diverged' });

/**
 * The table of the contract ("Position"): whether `next` follows `last`, repeats something before it, leaves `missed`
 * entries out, or is of another history. From a time position everything later follows, so who stands at the head of an
 * empty log (`<epoch>-0`) and must not miss `n` 1 has to read the log, not to judge.
 */
export function judge(last: Position, next: Position): Verdict {
  if (isTimePosition(last)) return next.ms >= last.ms && next.n > 0 ? FOLLOWS : DUPLICATE;
  if (next.ms <= last.ms && next.n <= last.n) return DUPLICATE;
  // Log time never goes back, and a counter that does means that the log was rolled back or made anew.
  if (next.ms < last.ms || next.n <= last.n) return DIVERGED;
  return next.n === last.n + 1 ? FOLLOWS : { verdict: 'ahead', missed: next.n - last.n - 1 };
}

/** The place just before the first entry that is still there: the cursor of a `gap` or a `reset`. */
export function beforeFirst(first: Position): Position {
  return { ms: first.ms, n: Math.max(0, first.n - 1) };
}
