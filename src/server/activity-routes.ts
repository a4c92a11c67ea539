import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Activity } from '../activity/activity.ts';
import { decodeActivity, withCursor } from '../activity/codec.ts';
import { beforeFirst, formatCursor, isTimePosition, judge, type Position } from '../activity/cursor.ts';
import { compileFilter } from '../activity/filter.ts';
import type { Bus } from '../bus/bus.ts';
import { LivespanError } from '../errors.ts';
import { readChoice, readFilter, readInteger, readPosition, readQuery } from './query.ts';
import { scan } from './scan.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
/** A page of large activities ends before its limit; `next` goes on. */
const PAGE_CHARS_MAX = 8 * 1_048_576;
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * `GET /activity`: a page of the log, newest first unless `order=asc`. `next` is the cursor to go on with: as `since` in
 * ascending, as `until` in descending order; the `Link` header has the whole address. Both bounds are exclusive.
 * `GET /activity/latest`: the newest match.
 */
export function addActivityRoutes(app: FastifyInstance, bus: Bus): void {
  app.get('/activity', async (request, reply) => {
    const query = readQuery(request.query, ['since', 'until', 'limit', 'filter', 'order']);
    const order = readChoice('order', query.order, ['asc', 'desc']) ?? 'desc';
    const page = await readPage(bus, {
      order,
      limit: readInteger('limit', query.limit, { min: 1, max: LIMIT_MAX }) ?? LIMIT_DEFAULT,
      matches: matcher(query.filter),
      since: readPosition('since', query.since),
      until: readPosition('until', query.until),
    });
    if (page.next !== undefined) {
      const following = { ...query, order, [order === 'asc' ? 'since' : 'until']: page.next };
      reply.header('link', `</activity?${new URLSearchParams(following)}>; rel="next"`);
    }
    const { items, ...rest } = page;
    return sendJson(reply, `{"items":[${items.join(',')}],${JSON.stringify(rest).slice(1)}`);
  });

  app.get('/activity/latest', async (request, reply) => {
    const query = readQuery(request.query, ['filter']);
    // A notice that passes every filter on a feed is no answer to a question for the newest match.
    const page = await readPage(bus, { order: 'desc', limit: 1, matches: matcher(query.filter, true) });
    const newest = page.items[0];
    if (newest !== undefined) return sendJson(reply, newest);
    throw new LivespanError('not_found', 'No activity in the log matches', { details: { complete: page.complete } });
  });
}

interface PageRequest {
  order: 'asc' | 'desc';
  limit: number;
  matches: (activity: Activity) => boolean;
  since?: Position | undefined;
  until?: Position | undefined;
}

/** What stands before the first entry of a page. */
interface Break {
  /** Entries that were trimmed between `since` and what came first. */
  missed?: number;
  /** `since` is of another history of this log. */
  reset?: true;
  /** Where the hole or the break ends: a cursor right before the first entry that is there, also where the filter holds it back. */
  before: string;
}

interface Page extends Partial<Break> {
  items: string[];
  next?: string;
  /** Whether the page is as full as the log allows: `false` when the search was cut short before that. */
  complete: boolean;
}

async function readPage(bus: Bus, request: PageRequest): Promise<Page> {
  const { order, limit, matches, since, until } = request;
  const items: string[] = [];
  let first: Position | undefined;
  let chars = 0;
  const bounds = { order, ...(since && { after: since }), ...(until && { before: until }) };
  const walk = await scan(bus, bounds, ({ position, json }) => {
    first ??= position;
    const decoded = decodeActivity(json);
    if (!decoded.ok || !matches(decoded.activity)) return undefined;
    items.push(withCursor(json, formatCursor(position)));
    chars += json.length;
    return items.length === limit || chars >= PAGE_CHARS_MAX ? 'stop' : undefined;
  });
  return {
    items,
    ...(walk.next !== undefined && { next: formatCursor(walk.next) }),
    complete: walk.stopped || walk.next === undefined,
    ...(order === 'asc' && since && first && continuity(since, first)),
  };
}

/** What stands between a cursor and the first entry after it, in the words of the stream's control frames. */
function continuity(since: Position, first: Position): Break | undefined {
  if (isTimePosition(since)) return undefined;
  const verdict = judge(since, first);
  if (verdict.verdict === 'follows') return undefined;
  const before = formatCursor(beforeFirst(first));
  return verdict.verdict === 'ahead' ? { missed: verdict.missed, before } : { reset: true, before };
}

function matcher(text: string | undefined, exact = false): (activity: Activity) => boolean {
  const filter = readFilter(text);
  return filter === undefined ? () => true : compileFilter(filter, { exact });
}

function sendJson(reply: FastifyReply, json: string): FastifyReply {
  return reply.header('cache-control', 'no-store').type(JSON_TYPE).send(json);
}
