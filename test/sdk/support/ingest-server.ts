import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatCursor } from '../../../src/activity/cursor.ts';
import type { AppendRequest } from '../../../src/bus/bus.ts';
import { createMemoryBus } from '../../../src/bus/memory-bus.ts';

export interface IngestBody {
  activities: unknown[];
  producer?: string;
  batch?: number;
  acked?: number;
  instance?: string;
  service?: string;
  sign?: 'started' | 'alive' | 'stopped';
}

/** Answers instead of the server; `undefined` leaves it to the server. May also never answer, or cut the connection. */
export type Interference = (body: IngestBody, response: ServerResponse, count: number) => boolean;

/** The contract of `POST /ingest` over the real memory log, on a real socket, with a hook for faults. */
export async function startIngestServer(options: { port?: number; interfere?: Interference; token?: string } = {}) {
  const bus = createMemoryBus();
  const bodies: IngestBody[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      headers.push(request.headers);
      if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
        answer(response, 401, { code: 'unauthenticated', detail: 'a token is needed' });
        return;
      }
      if (request.method !== 'POST' || request.url !== '/ingest') {
        answer(response, 404, { code: 'not_found', detail: 'no such route' });
        return;
      }
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as IngestBody;
      bodies.push(body);
      if (options.interfere?.(body, response, bodies.length)) return;
      await ingest(body, response);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });

  async function ingest(body: IngestBody, response: ServerResponse): Promise<void> {
    const { activities, producer, batch = 0, acked = 0, instance, service, sign = 'alive' } = body;
    const request: AppendRequest = {
      activities: activities.map((activity) => JSON.stringify(activity)),
      ...(producer !== undefined && { producer: { id: producer, batch, acked } }),
      ...(instance !== undefined && { instance: { name: instance, sign, ...(service !== undefined && { service }) } }),
    };
    const result = await bus.append(request);
    if (result.outcome === 'out_of_order') {
      answer(response, 409, { code: 'out_of_order', last: result.last });
    } else if (result.outcome === 'failed') {
      answer(response, result.error.httpStatus, { code: result.error.code, detail: result.error.message });
    } else {
      const { first, last } = result;
      answer(response, 200, {
        accepted: activities.length,
        rejected: [],
        ...(result.outcome === 'duplicate' && { duplicate: true }),
        ...(first && { first: formatCursor(first) }),
        ...(last && { last: formatCursor(last) }),
      });
    }
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    bus,
    bodies,
    headers,
    ingest,
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await bus.close();
    },
  };
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'application/problem+json' });
  response.end(JSON.stringify(body));
}
