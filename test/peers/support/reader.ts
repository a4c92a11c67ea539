import type { Activity } from '../../../src/activity/activity.ts';
import { openFeed } from '../../../src/feed/open-feed.ts';
import type { Livespan } from './livespan.ts';
import { until } from './program.ts';

/** A reader of the feed, over SSE from a server, that stays for a whole test. */
export interface Reader {
  readonly activities: Activity[];
  /** Gaps, resets and skips that it was told of; none in a test where nothing is lost. */
  readonly losses: string[];
  until(what: string, condition: (activities: readonly Activity[]) => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export function startReader(
  server: Livespan,
  { filter, onActivity }: { filter?: string; onActivity?: (activity: Activity) => void } = {},
): Reader {
  const activities: Activity[] = [];
  const losses: string[] = [];
  const left = new AbortController();
  const reading = (async () => {
    const feed = openFeed({ url: server.url, token: server.token, since: '0-0', filter, signal: left.signal });
    for await (const message of feed) {
      if (message.type === 'activity') {
        activities.push(message.activity);
        onActivity?.(message.activity);
      } else losses.push(message.type);
    }
  })().catch((error: unknown) => {
    losses.push(String(error));
  });
  return {
    activities,
    losses,
    until: (what, condition, timeoutMs = 60_000) =>
      until(what, () => condition(activities), {
        timeoutMs,
        describe: () => `${activities.length} activities; losses: ${losses.join(', ') || 'none'}`,
      }),
    async close() {
      left.abort();
      await reading;
    },
  };
}

/** How often each span of a service is on the feed: span id → times. */
export function spanCounts(activities: readonly Activity[], service: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, spanId, service: of } of activities) {
    if (kind === 'span.end' && of === service && spanId !== undefined)
      counts.set(spanId, (counts.get(spanId) ?? 0) + 1);
  }
  return counts;
}

export function traceIdsOf(activities: readonly Activity[], service: string): string[] {
  return [...new Set(activities.filter((each) => each.service === service).flatMap(({ traceId }) => traceId ?? []))];
}
