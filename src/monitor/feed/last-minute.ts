import { parseCursor } from '../../activity/cursor.ts';
import type { Frame } from '../state/model.ts';
import { fetchPage, type PageOptions } from './pages.ts';

const SHOWN_MS = 60_000;
/** A busy log has more in a minute than is worth reading for a small picture of it. */
const PAGES_MAX = 5;
const PAGE_ITEMS = 1_000;

/** What the log has of the last minute before `until`, newest first: for the figures that tell of a minute. */
export async function fetchLastMinute(
  place: PageOptions,
  query: { filter: string; until: string },
  signal: AbortSignal,
): Promise<Frame[]> {
  const frames: Frame[] = [];
  const sinceMs = (parseCursor(query.until)?.ms ?? 0) - SHOWN_MS;
  let until: string | undefined = query.until;
  for (let page = 0; page < PAGES_MAX && until !== undefined; page += 1) {
    const found = await fetchPage(
      place,
      { filter: query.filter, order: 'desc', limit: PAGE_ITEMS, since: `${sinceMs}-0`, until },
      signal,
    );
    frames.push(...found.frames);
    until = found.next;
  }
  return frames;
}
