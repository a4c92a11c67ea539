import type { FastifyInstance } from 'fastify';
import { formatCursor } from '../activity/cursor.ts';
import type { Bus } from '../bus/bus.ts';
import { type LivespanError, toLivespanError } from '../errors.ts';
import type { Metrics } from './metrics.ts';
import type { FigureSources } from './server-figures.ts';

export type StatsSources = FigureSources & { bus: Bus; metrics: Metrics };

/** `GET /stats`: the figures as JSON for people and scripts. `GET /metrics`: the same and more, for Prometheus. */
export function addStatsRoutes(app: FastifyInstance, sources: StatsSources): void {
  const startedMs = Date.now();

  app.get('/stats', async (_request, reply) => {
    const { feed, ingest, watch } = sources;
    return reply.header('cache-control', 'no-store').send({
      startedAt: new Date(startedMs).toISOString(),
      uptimeSeconds: Math.round((Date.now() - startedMs) / 1_000),
      log: await describeLog(sources.bus),
      feed: { ...feed.status(), ringSlots: feed.ring.head - feed.ring.tail, ringBytes: feed.ring.bytes },
      readers: sources.stream.stats(),
      ingest,
      ...(sources.otlp && { otlp: sources.otlp.counts() }),
      instanceWatch: watch.stats(),
      memory: { rssBytes: process.memoryUsage.rss(), heapUsedBytes: process.memoryUsage().heapUsed },
    });
  });

  app.get('/metrics', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(await sources.metrics.scrape()),
  );
}

async function describeLog(bus: Bus): Promise<Record<string, unknown>> {
  const { connected, problem, warnings } = bus.status();
  const { countMax, bytesMax, ageMaxMs } = bus.limits;
  const limits = { countMax, ...(bytesMax !== undefined && { bytesMax }), ...(ageMaxMs > 0 && { ageMaxMs }) };
  const state = { description: bus.description, connected, warnings, ...limits };
  const say = ({ code, message }: LivespanError) => ({
    // Whatever is not a sentence of ours stays inside.
    problem: { code, message: code === 'internal' ? 'see the server log' : message },
  });
  try {
    const { epoch, first, last, length, bytes, instances, timeMs } = await bus.info();
    return {
      ...state,
      ...(problem && say(problem)),
      epoch,
      ...(first && { first: formatCursor(first) }),
      last: formatCursor(last),
      length,
      ...(bytes !== undefined && { bytes }),
      instances,
      timeMs,
    };
  } catch (thrown) {
    return { ...state, ...say(problem ?? toLivespanError(thrown)) };
  }
}
