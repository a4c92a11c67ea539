import type { FastifyInstance } from 'fastify';
import { readQuery } from './query.ts';
import type { StreamHandler } from './sse.ts';

/** `GET /activity/stream`: checked like every route, then answered on the raw response by the stream handler. */
export function addStreamRoute(app: FastifyInstance, stream: StreamHandler): void {
  app.get('/activity/stream', (request, reply) => {
    const query = readQuery(request.query, ['filter', 'since', 'format']);
    reply.hijack();
    stream.handle(request.raw, reply.raw, query);
  });
}
