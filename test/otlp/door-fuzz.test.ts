import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from '../support/cases.ts';
import { call, LOGS_EXPORT, METRICS_EXPORT, openDoors, send, TRACE_EXPORT } from './doors.ts';
import { logsRequest, metricsRequest, tracesRequest } from './requests.ts';
import { decodeMessage, encodeMessage } from './schema.ts';

const SIGNALS = [
  { name: 'TracesRequest', request: tracesRequest, path: '/v1/traces', method: TRACE_EXPORT },
  { name: 'LogsRequest', request: logsRequest, path: '/v1/logs', method: LOGS_EXPORT },
  { name: 'MetricsRequest', request: metricsRequest, path: '/v1/metrics', method: METRICS_EXPORT },
] as const;
const PATHS = SIGNALS.map(({ path }) => path);
const METHODS = SIGNALS.map(({ method }) => method);

/** A good request of any signal, with the doors that it is for. */
const requests = fc.oneof(
  ...SIGNALS.map(({ name, request, path, method }) =>
    (request as fc.Arbitrary<object>).map((message) => ({ bytes: encodeMessage(name, message), path, method })),
  ),
);

/** Requests with bytes changed or cut off, and bytes that never were a request. */
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  fc
    .tuple(requests, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
    .map(([{ bytes }, changes, cut]) => {
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % (bytes.length + 1) : 0));
    }),
);
const texts = fc.oneof(
  fc.json(),
  fc.string(),
  fc.json().map((json) => `{"resourceSpans":[${json}]}`),
  fc.json().map((json) => `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":${json}}}]}]}]}`),
);

/** As a generated decoder sees it. */
function pointsOf(metrics: Buffer): number {
  let points = 0;
  JSON.stringify(decodeMessage('MetricsRequest', metrics), (name, value: unknown) => {
    if (name === 'dataPoints' && Array.isArray(value)) points += value.length;
    return value;
  });
  return points;
}

describe('good requests of any shape', () => {
  it('are taken by HTTP and by gRPC; of metrics all points are left, which both answers say', async () => {
    const doors = await openDoors();
    await fc.assert(
      fc.asyncProperty(requests, async ({ bytes, path, method }) => {
        const byHttp = await send(doors.http, bytes, {}, path);
        expect(byHttp.status).toBe(200);
        const byGrpc = await call(doors.grpc, method, bytes);
        if (!byGrpc.ok) throw new Error(byGrpc.message);
        expect(byGrpc.body).toEqual(byHttp.body);
        if (path !== '/v1/metrics') return;
        const { partialSuccess } = decodeMessage('PartialResponse', byHttp.body);
        const left = (partialSuccess as { rejected: string } | undefined)?.rejected;
        expect(Number(left ?? 0)).toBe(pointsOf(bytes));
      }),
      cases(60, 20),
    );
  });
});

describe('random bodies', () => {
  it('are taken or refused by HTTP, never a 500', async () => {
    const doors = await openDoors();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(bodies, texts),
        fc.constantFrom(...PATHS),
        fc.constantFrom(undefined, 'gzip', 'deflate', 'zstd'),
        async (body, path, encoding) => {
          const { status } = await send(
            doors.http,
            body,
            encoding === undefined ? {} : { 'content-encoding': encoding },
            path,
          );
          expect([200, 400]).toContain(status);
        },
      ),
      cases(200, 20),
    );
    expect((await send(doors.http, '{}')).status).toBe(200);
  });

  it('are taken or refused by gRPC, never INTERNAL', async () => {
    const doors = await openDoors();
    await fc.assert(
      fc.asyncProperty(bodies, fc.constantFrom(...METHODS), async (body, path) => {
        const answer = await call(doors.grpc, path, body);
        if (!answer.ok) expect(answer.code).toBe(3);
      }),
      cases(60, 20),
    );
    expect((await call(doors.grpc, TRACE_EXPORT, Buffer.alloc(0))).ok).toBe(true);
  });
});
