import { encodeActivity, withCursor } from '../activity/codec.ts';
import { readLine } from './feed/lines.ts';
import type { Entry, Frame } from './state/model.ts';

/** Largest file that is read, characters; about 100,000 activities. */
const FILE_CHARS_MAX = 128 * 1_048_576;

export type ReadFile = { ok: true; frames: Frame[]; invalid: number } | { ok: false; message: string };

/** Newline-delimited JSON, one activity a line with its cursor: what `/activity/stream?format=ndjson` and `tail --json` give. */
export function writeNdjson(entries: readonly Entry[]): string {
  return entries.map(({ cursor, activity }) => `${withCursor(encodeActivity(activity), cursor)}\n`).join('');
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
