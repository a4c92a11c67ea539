import type { FastifyInstance } from 'fastify';
import { decodeActivity, isTraceId } from '../activity/codec.ts';
import { comparePositions, formatCursor, type Position } from '../activity/cursor.ts';
import type { Bus, BusEntry } from '../bus/bus.ts';
import { log } from '../diag.ts';
import { LivespanError } from '../errors.ts';
import type { LiveFeed } from '../feed/live-feed.ts';
import { readQuery } from './query.ts';
import { scan } from './scan.ts';
import { createTraceIndex } from './trace-index.ts';
import { type LoggedActivity, viewTrace } from './trace-view.ts';

const NOTICE = '"name":"livespan.instance_';

interface Found {
  position: Position;
  logged: LoggedActivity;
}

/** `GET /traces/{traceId}`: a trace while it happens, from the ring and a bounded look at the log around it. */
export function addTraceRoute(app: FastifyInstance, parts: { bus: Bus; feed: LiveFeed }): void {
  const index = createTraceIndex(parts.feed.ring);

  app.get<{ Params: { traceId: string } }>('/traces/:traceId', async (request, reply) => {
    readQuery(request.query, []);
    const traceId = request.params.traceId.toLowerCase();
    if (!isTraceId(traceId)) {
      throw new LivespanError('invalid_request', 'traceId: must be 32 hex characters, not all zero', {
        details: { parameter: 'traceId' },
      });
    }
    const held = index.find(traceId);
    const { entries, complete } = await searchLog(parts, traceId);
    const found = [...[...held.activities, ...held.notices].map(fromSlot), ...entries];
    found.sort((a, b) => comparePositions(a.position, b.position));
    const logged = found.map(({ logged }) => logged);
    const activities = logged.filter(({ activity }) => activity.traceId === traceId);
    if (activities.length === 0) {
      throw new LivespanError('not_found', 'Nothing is known of this trace', { details: { complete } });
    }
    const notices = logged.filter(({ activity }) => activity.traceId === undefined);
    return reply.header('cache-control', 'no-store').send(viewTrace(traceId, activities, notices, complete));
  });
}

function fromSlot(slot: { position: Position; cursor: string; activity: LoggedActivity['activity'] }): Found {
  return { position: slot.position, logged: { cursor: slot.cursor, activity: slot.activity } };
}

/** What the log has beside the ring: entries older than its tail, newest first, and those not yet received. */
async function searchLog(
  { bus, feed }: { bus: Bus; feed: LiveFeed },
  traceId: string,
): Promise<{ entries: Found[]; complete: boolean }> {
  const entries: Found[] = [];
  const visit = (entry: BusEntry): undefined => {
    if (!entry.json.includes(traceId) && !entry.json.includes(NOTICE)) return;
    const decoded = decodeActivity(entry.json);
    if (!decoded.ok) return;
    const { activity } = decoded;
    const isNotice = activity.traceId === undefined && activity.name.startsWith('livespan.instance_');
    if (activity.traceId !== traceId && !isNotice) return;
    entries.push({ position: entry.position, logged: { cursor: formatCursor(entry.position), activity } });
  };
  const { ring } = feed;
  const oldest = ring.at(ring.tail)?.position;
  try {
    const newer = oldest === undefined ? undefined : await scan(bus, { after: feed.position() }, visit);
    const older = await scan(bus, { order: 'desc', ...(oldest !== undefined && { before: oldest }) }, visit);
    return { entries, complete: newer?.next === undefined && older.next === undefined };
  } catch (thrown) {
    // While the log is away the ring still knows what happened; the answer says that it is not all.
    if (ring.head === ring.tail) throw thrown;
    log.debug('A trace was answered from memory alone', thrown);
    return { entries, complete: false };
  }
}
