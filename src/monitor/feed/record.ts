import { beforeFirst, formatCursor, parseCursor } from '../../activity/cursor.ts';
import type { Frame, Selection } from '../state/model.ts';
import { fetchPage, type PageOptions } from './pages.ts';

/** How much of the log is searched at most: a request looks at 20,000 entries. */
const PAGES_MAX = 20;
const PAGE_ITEMS = 1_000;
const ROW_OF_SPAN = /^([0-9a-f]{32})?\/([0-9a-f]{1,16})$/;

/** The filter that the activities of a record pass; `undefined` for a row that is an entry of its own. */
export function filterOf(selection: Selection): string | undefined {
  if (selection.type === 'trace') return `trace:${selection.traceId}`;
  if (selection.type === 'call') return `call:"${selection.callId.replace(/["\\]/g, '\\$&')}"`;
  const [, traceId, spanId] = ROW_OF_SPAN.exec(selection.key) ?? [];
  if (spanId === undefined) return undefined;
  return traceId === undefined ? `span:${spanId}` : `trace:${traceId}`;
}

/**
 * Everything that the log has of a trace, a call or a row, oldest first, with the signs of life of instances. The history
 * and not `GET /traces/{id}`, because it has the activities as they came, with their cursors.
 * @throws PageRefused, or what fetch throws when the server is away
 */
export async function fetchRecord(place: PageOptions, selection: Selection, signal: AbortSignal): Promise<Frame[]> {
  const filter = filterOf(selection);
  if (filter === undefined) return selection.type === 'row' ? fetchEntry(place, selection.key, signal) : [];
  const frames: Frame[] = [];
  let until: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { filter, order: 'desc', limit: PAGE_ITEMS, ...(until !== undefined && { until }) } as const;
    const found = await fetchPage(place, query, signal);
    frames.push(...found.frames);
    until = found.next;
    if (until === undefined || (selection.type !== 'call' && found.frames.some(isRoot))) break;
  }
  return frames.reverse();
}

/** Nothing of a trace comes before its root; without this, every look at a young trace would read the whole log. */
function isRoot(frame: Frame): boolean {
  return frame.type === 'activity' && frame.activity.kind === 'span.start' && frame.activity.parentSpanId === undefined;
}

/** The one at that place, and the call that it is part of. */
async function fetchEntry(place: PageOptions, cursor: string, signal: AbortSignal): Promise<Frame[]> {
  const position = parseCursor(cursor);
  if (position === undefined || position.n < 1) return [];
  const since = formatCursor(beforeFirst(position));
  const { frames } = await fetchPage(place, { filter: '', order: 'asc', limit: 1, since }, signal);
  const found = frames.find((frame) => frame.type === 'activity' && frame.cursor === cursor);
  if (found?.type !== 'activity') return [];
  const { callId } = found.activity;
  if (callId === undefined) return [found];
  return fetchRecord(place, { type: 'call', callId }, signal);
}
