import type { FastifyInstance } from 'fastify';
import type { Auth } from './auth.ts';
import { readQuery } from './query.ts';
import type { Sessions } from './sessions.ts';
import type { StreamHandler } from './sse.ts';

/**
 * `GET /activity/stream`: checked like every route, then answered on the raw response by the stream handler. A stream
 * that stands on a session is cut when the session ends.
 */
export function addStreamRoute(app: FastifyInstance, stream: StreamHandler, auth: Auth, sessions: Sessions): void {
  app.get('/activity/stream', (request, reply) => {
    const query = readQuery(request.query, ['filter', 'since', 'format']);
    const session = auth.sessionOf(request.raw);
    reply.hijack();
    if (session !== undefined)
      reply.raw.once(
        'close',
        sessions.watch(session, () => reply.raw.destroy()),
      );
    stream.handle(request.raw, reply.raw, query);
  });
}
