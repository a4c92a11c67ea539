import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Bus } from '../bus/bus.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import type { LiveFeed } from '../feed/live-feed.ts';
import type { Auth } from './auth.ts';

const PROBE_TIMEOUT_MS = 2_000;

/**
 * `GET /health`: the process answers, nothing else is asked. `GET /ready`: the log answers a bounded probe, takes
 * what is appended, and the live feed hangs on it; otherwise 503 and why. Both are open, so who has no token is told the kind of trouble only.
 */
export function addHealthRoutes(app: FastifyInstance, parts: { bus: Bus; feed: LiveFeed; auth: Auth }): void {
  app.get('/health', async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));

  app.get('/ready', async (request, reply) => {
    try {
      await probe(parts.bus, parts.feed);
    } catch (thrown) {
      throw parts.auth.allows(request.raw) ? thrown : withoutWords(toLivespanError(thrown));
    }
    return reply.header('cache-control', 'no-store').send({ status: 'ready', log: 'ok', feed: 'ok' });
  });
}

async function probe(bus: Bus, feed: LiveFeed): Promise<void> {
  const { connected, problem } = bus.status();
  if (problem !== undefined) throw problem;
  if (!connected) throw new LivespanError('log_unavailable', 'The log is not reached yet');
  await withTimeout(bus.info(), PROBE_TIMEOUT_MS);
  if (!feed.status().connected) throw new LivespanError('log_unavailable', 'The live subscription is not up');
}

function withoutWords(error: LivespanError): LivespanError {
  return new LivespanError(error.code, 'The log cannot be used; sign in or send the token to see why');
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const done = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new LivespanError('log_unavailable', `The log did not answer within ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
    late.catch(() => undefined);
  }
}
