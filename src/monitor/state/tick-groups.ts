import type { Entry } from './model.ts';
import { timeUsOf } from './span-row.ts';

/**
 * Entries that would be drawn one over the other, together; in the order of their time.
 * @param nearUs so near to the first of a group, an entry belongs to it
 */
export function groupTicks(entries: readonly Entry[], nearUs: number): (readonly [Entry, ...Entry[]])[] {
  const groups: [Entry, ...Entry[]][] = [];
  const inOrder = entries.map((entry) => ({ entry, us: timeUsOf(entry.activity) })).sort((a, b) => a.us - b.us);
  let untilUs = Number.NEGATIVE_INFINITY;
  for (const { entry, us } of inOrder) {
    const last = groups.at(-1);
    if (last !== undefined && us < untilUs) last.push(entry);
    else {
      groups.push([entry]);
      untilUs = us + Math.max(1, nearUs);
    }
  }
  return groups;
}
