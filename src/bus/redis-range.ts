import { formatCursor, type Position, parseCursor } from '../activity/cursor.ts';
import type { BusEntry, RangePage, RangeQuery } from './bus.ts';
import { asArray } from './redis-append.ts';

const MAX = Number.MAX_SAFE_INTEGER;

/** Command and arguments of a page, one entry more than asked for: that one says whether anything follows. */
export function rangeCommand(key: string, query: RangeQuery): { command: string; args: (string | number)[] } {
  const low = bound('-', query.from, query.after, (a, b) => a.ms - b.ms || a.n - b.n);
  const high = bound('+', query.to, query.before, (a, b) => b.ms - a.ms || b.n - a.n);
  const desc = query.order === 'desc';
  const args = [key, ...(desc ? [high, low] : [low, high]), 'COUNT', query.limit + 1];
  return { command: desc ? 'XREVRANGE' : 'XRANGE', args };
}

/** The tighter of the two bounds; an exclusive one wins at the same place. */
function bound(
  open: string,
  inclusive: Position | undefined,
  exclusive: Position | undefined,
  tighter: (a: Position, b: Position) => number,
): string {
  if (exclusive !== undefined && (inclusive === undefined || tighter(exclusive, inclusive) >= 0)) {
    return `(${formatCursor(exclusive)}`;
  }
  return inclusive === undefined ? open : formatCursor(inclusive);
}

export function readRange(reply: unknown, { limit, order }: RangeQuery): RangePage {
  const rows = asArray(reply);
  const page: RangePage = { entries: [], skipped: 0 };
  const examined = rows.slice(0, limit);
  for (const row of examined) {
    const entry = readEntry(row);
    if (entry === undefined) page.skipped++;
    else page.entries.push(entry);
  }
  if (rows.length > limit) {
    const next = pageEnd(String(asArray(examined.at(-1))[0]), order === 'desc');
    if (next !== undefined) page.next = next;
  }
  return page;
}

function readEntry(row: unknown): BusEntry | undefined {
  const [id, fields] = asArray(row);
  const position = parseCursor(String(id));
  // Deleted entries have no fields; ours count from 1.
  if (position === undefined || position.n === 0 || !Array.isArray(fields)) return undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'activity') return { position, json: String(fields[i + 1]) };
  }
  return undefined;
}

/**
 * Where the next page goes on. A foreign id may be beyond what a position can say; then the next place that can be said:
 * nothing of ours lies between.
 */
function pageEnd(id: string, desc: boolean): Position | undefined {
  const position = parseCursor(id);
  if (position !== undefined) return position;
  const ms = Number(id.slice(0, id.indexOf('-')));
  if (desc) return ms > MAX ? { ms: MAX, n: MAX } : { ms, n: MAX };
  return ms >= MAX ? undefined : { ms: ms + 1, n: 0 };
}
