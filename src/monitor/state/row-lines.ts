import type { Row, RowList, SpanRow } from './model.ts';

/** Nested lines under a row that runs or failed; of the others the row says how many there are. */
const NESTED_SHOWN = 2;

/** One line of the list: a row, one of the entries nested in it, or the mark between what runs and what is over. */
export type Line = { row: Row; nested?: number } | { now: true };

/**
 * How many lines there are, and those from `first` to `end` (exclusive). With `isRough` each row after `end` counts as one
 * line, which spares a walk over thousands of rows where none of them can be in sight before the next call.
 */
export function linesOf(rows: RowList, first: number, end: number, isRough = false): { count: number; lines: Line[] } {
  const lines: Line[] = [];
  let count = 0;
  for (let index = 0; index < rows.count; index += 1) {
    if (isRough && count >= end && index > rows.runningCount) return { count: count + rows.count - index, lines };
    if (index === rows.runningCount && index > 0) {
      if (count >= first && count < end) lines.push({ now: true });
      count += 1;
    }
    const row = rows.at(index);
    if (row === undefined) continue;
    if (count >= first && count < end) lines.push({ row });
    count += 1;
    for (let nested = firstNested(row); nested < nestedEnd(row); nested += 1) {
      if (count >= first && count < end) lines.push({ row, nested });
      count += 1;
    }
  }
  return { count, lines };
}

function nestedEnd(row: Row): number {
  if (row.type !== 'span' || (row.state === 'ok' && row.nestedErrorCount === 0)) return 0;
  return row.nested.length;
}

function firstNested(row: Row): number {
  return Math.max(0, nestedEnd(row) - NESTED_SHOWN);
}

/** Nested entries without a line of their own. */
export function countWithoutLine(row: SpanRow): number {
  return row.nestedCount - nestedEnd(row) + firstNested(row);
}

/** The row above or below another in the list, and the line it stands on; the first one where that other is not there. */
export function stepInRows(
  rows: RowList,
  key: string | undefined,
  step: 1 | -1,
): { key: string; line: number } | undefined {
  const { lines } = linesOf(rows, 0, Number.POSITIVE_INFINITY);
  const places = lines.flatMap((line, index) =>
    'row' in line && line.nested === undefined ? [{ key: line.row.key, line: index }] : [],
  );
  const at = places.findIndex((place) => place.key === key);
  return places[Math.min(places.length - 1, Math.max(0, at + step))];
}
