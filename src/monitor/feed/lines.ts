import { checkActivity } from '../../activity/activity-check.ts';
import { parseCursor } from '../../activity/cursor.ts';
import type { Frame } from '../state/model.ts';

/** One line of the stream's `ndjson` format: a frame, the announced end of the stream, or nothing that can be read. */
export type Line = { type: 'frame'; frame: Frame } | { type: 'end'; reason: string; retryMs: number } | undefined;

export function readLine(text: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Record<string, unknown>;
  const cursor = typeof record.cursor === 'string' && parseCursor(record.cursor) ? record.cursor : undefined;
  if (record.type === undefined) {
    const checked = checkActivity(value);
    if (!checked.ok || cursor === undefined) return undefined;
    return { type: 'frame', frame: { type: 'activity', cursor, activity: checked.activity } };
  }
  return readControl(record, cursor);
}

function readControl(record: Record<string, unknown>, cursor: string | undefined): Line {
  const { type } = record;
  if (type === 'end') return { type, reason: String(record.reason), retryMs: countOf(record.retryMs) ?? 0 };
  // Nothing is known of the log yet: there is no place to stand at.
  if (type === 'position') return { type: 'frame', frame: { type, cursor: cursor ?? '' } };
  if (cursor === undefined) return undefined;
  if (type === 'reset') return { type: 'frame', frame: { type, cursor } };
  const missed = countOf(record.missed);
  if (missed === undefined) return undefined;
  if (type === 'gap') return { type: 'frame', frame: { type, cursor, missed } };
  if (type !== 'lagged') return undefined;
  const sampled = countOf(record.sampled);
  return { type: 'frame', frame: { type, cursor, missed, ...(sampled !== undefined && { sampled }) } };
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** The cursor in a line, without reading the rest; `undefined` where there is none. */
export function cursorOf(line: string): string | undefined {
  const at = line.indexOf('"cursor":"');
  if (at < 0) return undefined;
  const end = line.indexOf('"', at + 10);
  return end < 0 ? undefined : line.slice(at + 10, end);
}

/** What a tab reads in a few ms, so that a key that is pressed meanwhile does not wait for a whole burst. */
const PIECE_CHARS_MAX = 65_536;

/** Complete lines in pieces of complete lines. A line that is longer than a piece may be is one by itself. */
export function* piecesOf(lines: string): Generator<string> {
  let from = 0;
  while (lines.length - from > PIECE_CHARS_MAX) {
    const fits = lines.lastIndexOf('\n', from + PIECE_CHARS_MAX - 1);
    const end = fits >= from ? fits : lines.indexOf('\n', from + PIECE_CHARS_MAX);
    if (end < 0) break;
    yield lines.slice(from, end + 1);
    from = end + 1;
  }
  if (from < lines.length) yield lines.slice(from);
}
