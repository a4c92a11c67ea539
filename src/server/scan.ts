import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Position } from '../activity/cursor.ts';
import type { Bus, BusEntry, RangeQuery } from '../bus/bus.ts';

/** What one request may examine of the log; beyond it the answer says that it is not complete. */
const EXAMINED_MAX = 20_000;
const PAGE_COUNT = 1_000;

export interface ScanResult {
  /** Where to go on, exclusive; absent when the range is exhausted. */
  next?: Position;
  /** The visitor had enough. */
  stopped: boolean;
  examined: number;
}

/** Walks at a time: all share one event loop with the live readers, who wait for one page of each. */
const WALKS_MAX = 4;
let walks = 0;
const waiting: (() => void)[] = [];

/**
 * Walks the log page by page until the visitor says `stop`, the range is exhausted or the budget is used up. Waits for
 * its turn while many others walk.
 */
export async function scan(
  bus: Bus,
  range: Omit<RangeQuery, 'limit'>,
  visit: (entry: BusEntry) => 'stop' | undefined,
  budget = EXAMINED_MAX,
): Promise<ScanResult> {
  if (walks >= WALKS_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  else walks += 1;
  try {
    return await walk(bus, range, visit, budget);
  } finally {
    // The place goes to the next one as it is, so that nobody slips in between.
    const next = waiting.shift();
    if (next === undefined) walks -= 1;
    else next();
  }
}

async function walk(
  bus: Bus,
  range: Omit<RangeQuery, 'limit'>,
  visit: (entry: BusEntry) => 'stop' | undefined,
  budget: number,
): Promise<ScanResult> {
  let bounds = range;
  let examined = 0;
  while (true) {
    const page = await bus.range({ ...bounds, limit: Math.min(PAGE_COUNT, budget - examined) });
    for (const entry of page.entries) {
      examined += 1;
      if (visit(entry) === 'stop') return { next: entry.position, stopped: true, examined };
    }
    examined += page.skipped;
    if (page.next === undefined) return { stopped: false, examined };
    if (examined >= budget) return { next: page.next, stopped: false, examined };
    bounds = advance(range, page.next);
    // The embedded log answers in the same turn: leave room for the live readers between two pages.
    await nextTurn();
  }
}

function advance(range: Omit<RangeQuery, 'limit'>, next: Position): Omit<RangeQuery, 'limit'> {
  const { from, to, ...rest } = range;
  if (range.order === 'desc') return { ...rest, ...(from === undefined ? {} : { from }), before: next };
  return { ...rest, ...(to === undefined ? {} : { to }), after: next };
}
