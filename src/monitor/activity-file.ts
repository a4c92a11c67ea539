import { encodeActivity, withCursor } from '../activity/codec.ts';
import { compareCursors } from '../activity/cursor.ts';
import { readLine } from './feed/lines.ts';
import { entriesOf, notHeldOf } from './state/copy-texts.ts';
import type { Frame, Row } from './state/model.ts';

/** Largest file that is read, characters; about 100,000 activities. */
const FILE_CHARS_MAX = 128 * 1_048_576;

export type ReadFile = { ok: true; frames: Frame[]; invalid: number } | { ok: false; message: string };

/**
 * Newline-delimited JSON, one activity a line with its cursor: what `/activity/stream?format=ndjson` and `tail --json`
 * give. What the rows lack is a gap there too.
 */
export function writeNdjson(rows: Iterable<Row>): string {
  const frames = [...rows].flatMap(framesOf).sort((a, b) => compareCursors(a.cursor, b.cursor));
  return frames
    .map((frame) =>
      frame.type === 'activity' ? withCursor(encodeActivity(frame.activity), frame.cursor) : JSON.stringify(frame),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** What a row was made of. */
function framesOf(row: Row): Frame[] {
  if ('missed' in row) {
    const { type, cursor, missed } = row;
    // A reset may stand at no place.
    if (cursor === '') return [];
    return [type === 'reset' ? { type, cursor } : { type: type === 'omitted' ? 'gap' : type, cursor, missed }];
  }
  const frames: Frame[] = entriesOf(row).map((entry) => ({ type: 'activity', ...entry }));
  const [cursor = ''] = row.type === 'span' ? row.nested.map((entry) => entry.cursor) : [];
  const missed = notHeldOf(row);
  if (missed > 0) frames.unshift({ type: 'gap', cursor, missed });
  return frames;
}

/** Reads such a file. Lines without a cursor get one, so that every row has its place. */
export function readNdjson(text: string): ReadFile {
  if (text.length > FILE_CHARS_MAX) return { ok: false, message: 'The file is larger than 128 MiB.' };
  const frames: Frame[] = [];
  let invalid = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const read = readLine(line) ?? readLine(withCursor(line.trim(), `0-${frames.length + 1}`));
    if (read?.type === 'frame') frames.push(read.frame);
    else if (read === undefined) invalid += 1;
  }
  if (frames.some((frame) => frame.type === 'activity')) return { ok: true, frames, invalid };
  return { ok: false, message: 'No line of this file is an activity. Export a view, or use livespan tail --json.' };
}
