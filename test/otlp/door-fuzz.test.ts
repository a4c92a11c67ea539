import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from '../support/cases.ts';
import { call, LOGS_EXPORT, openDoors, send, TRACE_EXPORT } from './doors.ts';
import { tracesRequest } from './requests.ts';
import { encodeMessage } from './schema.ts';

const PATHS = ['/v1/traces', '/v1/logs', '/v1/metrics'];

/** Requests with bytes changed or cut off, and bytes that never were a request. */
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  fc
    .tuple(tracesRequest as fc.Arbitrary<object>, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
    .map(([message, changes, cut]) => {
      const bytes = encodeMessage('TracesRequest', message);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % (bytes.length + 1) : 0));
    }),
);
const texts = fc.oneof(
  fc.json(),
  fc.string(),
  fc.json().map((json) => `{"resourceSpans":[${json}]}`),
);

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
      fc.asyncProperty(bodies, fc.constantFrom(TRACE_EXPORT, LOGS_EXPORT), async (body, path) => {
        const answer = await call(doors.grpc, path, body);
        if (!answer.ok) expect(answer.code).toBe(3);
      }),
      cases(60, 20),
    );
    expect((await call(doors.grpc, TRACE_EXPORT, Buffer.alloc(0))).ok).toBe(true);
  });
});
