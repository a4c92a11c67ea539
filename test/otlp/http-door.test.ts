import { once } from 'node:events';
import { connect } from 'node:net';
import { constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { request } from '../server/http.ts';
import { attribute, jsonLogs, jsonSpan, jsonTraces, openDoors, send, watchBuffers } from './doors.ts';
import { decodeMessage, encodeMessage } from './schema.ts';

const BINARY_SPAN = {
  ...jsonSpan(),
  traceId: Buffer.alloc(16, 1),
  spanId: Buffer.alloc(8, 2),
};

function binary(spans: readonly object[] = [BINARY_SPAN]): Buffer {
  return encodeMessage('TracesRequest', { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

describe('what is sent well', () => {
  it('is answered by an empty message in the encoding of the request', async () => {
    const doors = await openDoors();
    const json = await send(doors.http, jsonTraces([jsonSpan()]));
    expect([json.status, json.headers.get('content-type'), json.body.toString()]).toEqual([
      200,
      'application/json',
      '{}',
    ]);
    const proto = await send(doors.http, binary());
    expect([proto.status, proto.headers.get('content-type'), proto.body.length]).toEqual([
      200,
      'application/x-protobuf',
      0,
    ]);
    const withCharset = await send(
      doors.http,
      jsonLogs([{ body: { stringValue: 'hello' } }]),
      { 'content-type': 'Application/JSON; charset=utf-8' },
      '/v1/logs',
    );
    expect(withCharset.status).toBe(200);
    expect((await doors.items()).map(({ kind }) => kind)).toEqual(['span.end', 'span.end', 'log']);
    expect((await send(doors.http, Buffer.alloc(0))).status).toBe(200);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ...(typeof zstdCompressSync === 'function'
      ? [['zstd', zstdCompressSync] as [string, (bytes: Buffer) => Buffer]]
      : []),
  ])('is taken as %s', async (encoding, compress) => {
    const doors = await openDoors();
    expect((await send(doors.http, compress(binary()), { 'content-encoding': encoding })).status).toBe(200);
    expect(await doors.items()).toHaveLength(1);
  });

  it('counts what is bad in partial success, and takes the rest', async () => {
    const doors = await openDoors();
    const spans = [jsonSpan(), jsonSpan({ traceId: '0'.repeat(32) }), jsonSpan({ spanId: 'abcd' }), jsonSpan()];
    const json = await send(doors.http, jsonTraces(spans));
    expect(json.status).toBe(200);
    expect(JSON.parse(json.body.toString())).toEqual({
      partialSuccess: { rejectedSpans: '2', errorMessage: expect.stringContaining('trace_id') as string },
    });
    const proto = await send(doors.http, binary([BINARY_SPAN, { ...BINARY_SPAN, traceId: Buffer.alloc(3) }]));
    expect(proto.status).toBe(200);
    expect(decodeMessage('PartialResponse', proto.body)).toEqual({
      partialSuccess: { rejected: '1', errorMessage: expect.stringContaining('trace_id') as string },
    });
    expect(await doors.items()).toHaveLength(3);
    expect(await doors.counts()).toMatchObject({ requests: 2, spans: 3, rejected: 3, activities: 3 });
  });

  it('says that metrics are not kept', async () => {
    const doors = await openDoors();
    const dataPoints = [{ asInt: '1' }, { asDouble: 2 }];
    const metrics = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints } }] }] }] };
    const answer = await send(doors.http, JSON.stringify(metrics), {}, '/v1/metrics');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({
      partialSuccess: { rejectedDataPoints: '2', errorMessage: expect.stringContaining('metrics') as string },
    });
  });
});

describe('what is not', () => {
  it('is 400 with a google.rpc.Status in the encoding of the request', async () => {
    const doors = await openDoors();
    const json = await send(doors.http, '{"resourceSpans":[{"scopeSpans":7}]}');
    expect([json.status, json.headers.get('content-type')]).toEqual([400, 'application/json']);
    expect(JSON.parse(json.body.toString())).toEqual({
      code: 3,
      message: expect.stringContaining('resourceSpans[0].scopeSpans') as string,
    });
    const proto = await send(doors.http, binary().subarray(0, -5));
    expect([proto.status, proto.headers.get('content-type')]).toEqual([400, 'application/x-protobuf']);
    expect(decodeMessage('RpcStatus', proto.body)).toMatchObject({
      code: 3,
      message: expect.stringMatching(/cut off/) as string,
    });
    expect((await send(doors.http, '{"resourceSpans":')).status).toBe(400);
    expect((await send(doors.http, '')).status).toBe(400);
    expect(await doors.items()).toEqual([]);
    expect(await doors.counts()).toMatchObject({ badRequests: 4 });
  });

  it('is 404, 405 and 415 by path, method and media type', async () => {
    const doors = await openDoors();
    expect((await send(doors.http, '{}', {}, '/v1/profiles')).status).toBe(404);
    const get = await fetch(`${doors.http}/v1/traces`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await send(doors.http, '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    const coded = await send(doors.http, '{}', { 'content-encoding': 'br' });
    expect(coded.status).toBe(415);
    expect(coded.headers.get('accept-encoding')).toContain('gzip');
    expect((await send(doors.http, '{}', { 'content-encoding': 'gzip, gzip' })).status).toBe(415);
    expect(await doors.counts()).toMatchObject({
      requests: 0,
      refused: { not_found: 1, method_not_allowed: 1, unsupported_media_type: 3 },
    });
    const metrics = await (await fetch(`${doors.server.url}/metrics`)).text();
    expect(metrics).toMatch(/^livespan_otlp_refused_total\{[^}]*reason="unsupported_media_type"[^}]*\} 3$/m);
  });

  it('is 400 where the compression is broken, or done twice', async () => {
    const doors = await openDoors();
    const gzip = { 'content-encoding': 'gzip' };
    expect((await send(doors.http, binary(), gzip)).status).toBe(400);
    expect((await send(doors.http, gzipSync(binary()).subarray(0, 20), gzip)).status).toBe(400);
    const twice = await send(doors.http, gzipSync(gzipSync(binary())), gzip);
    expect(twice.status).toBe(400);
    expect(await doors.items()).toEqual([]);
  });

  it('is 403 from a page of another site, 421 for another host name', async () => {
    const doors = await openDoors();
    const line = 'POST /v1/traces';
    const json = { 'content-type': 'application/json' };
    const origin = await request(doors.http, line, { ...json, origin: 'https://evil.example' }, '{}');
    expect(origin.status).toBe(403);
    const site = await request(doors.http, line, { ...json, 'sec-fetch-site': 'cross-site' }, '{}');
    expect(site.status).toBe(403);
    const host = await request(doors.http, line, { ...json, host: 'evil.example' }, '{}');
    expect(host.status).toBe(421);
  });

  it('is 413 above the limit, before and after decompression; a bomb of 64 MiB costs at most the limit', async () => {
    const doors = await openDoors({ bodyBytesMax: 100_000 });
    const large = jsonTraces([jsonSpan({ name: 'x'.repeat(120_000) })]);
    const plain = await request(doors.http, 'POST /v1/traces', { 'content-type': 'application/json' }, large);
    expect(plain.status).toBe(413);
    expect(JSON.parse(plain.body)).toMatchObject({ code: 8 });
    const zipped = await send(doors.http, gzipSync(large), { 'content-encoding': 'gzip' });
    expect(zipped.status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(64 * 1_048_576));
    expect(bomb.length).toBeLessThan(100_000);
    const { result, peakBytes } = await watchBuffers(() =>
      Promise.all(Array.from({ length: 8 }, () => send(doors.http, bomb, { 'content-encoding': 'gzip' }))),
    );
    expect(result.map(({ status }) => status)).toEqual(Array(8).fill(413));
    // Each may hold the limit and a piece more; what was let go may not have been collected yet.
    expect(peakBytes).toBeLessThan(16 * 1_048_576);
    expect(await doors.items()).toEqual([]);
  });

  it.runIf(typeof zstdCompressSync === 'function')(
    'is 413 for a zstd frame that asks for a larger window',
    async () => {
      const doors = await openDoors({ bodyBytesMax: 100_000 });
      const params = { [constants.ZSTD_c_windowLog]: 27 };
      const frame = zstdCompressSync(Buffer.alloc(64 * 1_048_576), { params, pledgedSrcSize: 64 * 1_048_576 });
      const { result, peakBytes } = await watchBuffers(() => send(doors.http, frame, { 'content-encoding': 'zstd' }));
      expect(result.status).toBe(413);
      expect(peakBytes).toBeLessThan(16 * 1_048_576);
    },
  );

  it('is 503 where bombs of the largest size allowed would together hold too much', async () => {
    const doors = await openDoors({ bodyBytesMax: 2 * 1_048_576 });
    const bomb = gzipSync('x'.repeat(2 * 1_048_576 - 1));
    const json = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    // Decompressed, 16 of them may be here at a time. What is taken is no JSON.
    const answers = await Promise.all(Array.from({ length: 100 }, () => send(doors.http, bomb, json)));
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(100 - refused.length);
    expect(refused.length).toBeGreaterThan(0);
    expect(await doors.counts()).toMatchObject({ overloads: refused.length });
    expect((await send(doors.http, gzipSync(`{}${' '.repeat(100_000)}`), json)).status).toBe(200);
  });

  it('is 413 where few bytes would become very many activities', async () => {
    const doors = await openDoors({ bodyBytesMax: 65_536 });
    const records = Array.from({ length: 20_000 }, () => ({}));
    const tiny = encodeMessage('LogsRequest', { resourceLogs: [{ scopeLogs: [{ logRecords: records }] }] });
    expect(tiny.length).toBeLessThan(65_536);
    expect((await send(doors.http, tiny, {}, '/v1/logs')).status).toBe(413);
    expect(await doors.items()).toEqual([]);
    expect(await doors.counts()).toMatchObject({ tooLarge: 1 });
  });

  it('is 503 while all requests together hold too much, and is taken again afterwards', async () => {
    const doors = await openDoors({ bodyBytesMax: 100_000 });
    const { port } = new URL(doors.http);
    const head =
      'POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 99999\r\n\r\n';
    const slow = Array.from({ length: 20 }, () => connect(Number(port), '127.0.0.1'));
    const refused = slow.map(async (socket) => {
      socket.write(head + ' '.repeat(90_000));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString('latin1').split('\r\n')[0];
    });
    expect(await Promise.race(refused)).toBe('HTTP/1.1 503 Service Unavailable');
    for (const socket of slow) socket.destroy();
    const deadline = Date.now() + 10_000;
    // As large as theirs: it goes in only when they hold nothing any more.
    while ((await send(doors.http, `{}${' '.repeat(90_000)}`)).status !== 200) {
      expect(Date.now()).toBeLessThan(deadline);
    }
    expect((await doors.counts()).overloads).toBeGreaterThan(0);
  });

  it('needs the token where there is one', async () => {
    const doors = await openDoors({ token: 'a-secret-token' });
    const body = jsonTraces([jsonSpan()]);
    const without = await send(doors.http, body);
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await send(doors.http, body, { authorization: 'Bearer another-token' })).status).toBe(401);
    expect((await send(doors.http, body, { authorization: 'Bearer a-secret-token' })).status).toBe(200);
    expect(await doors.items()).toHaveLength(1);
  });
});

describe('odd contents', () => {
  it('takes attributes of 4 MiB, 10,000 events, control characters and years from 1970 to 2100', async () => {
    const doors = await openDoors();
    const events = Array.from({ length: 10_000 }, (_, index) => ({
      name: `e${index}`,
      timeUnixNano: '1763684557123456789',
    }));
    const spans = [
      jsonSpan({ attributes: [attribute('large', 'x'.repeat(4 * 1_048_576))] }),
      jsonSpan({ events }),
      jsonSpan({ name: 'a\u0000b\u001b[31m\n"\\\u2028\ud800' }),
      jsonSpan({ startTimeUnixNano: '1000', endTimeUnixNano: '2000' }),
      jsonSpan({ startTimeUnixNano: '4102444800000000000', endTimeUnixNano: '4102444800000001000' }),
      jsonSpan({ startTimeUnixNano: '18446744073709551615', endTimeUnixNano: '1' }),
    ];
    expect((await send(doors.http, jsonTraces(spans))).status).toBe(200);
    const items = await doors.items();
    expect(items).toHaveLength(10_006);
    const ends = items.filter(({ kind }) => kind === 'span.end');
    expect(String(ends[0]?.attributes.large).length).toBe(4_096);
    expect(ends[1]).toMatchObject({ eventCount: 10_000, droppedEvents: 0 });
    expect(ends[2]?.name).toBe('a\u0000b\u001b[31m\n"\\\u2028\ufffd');
    expect(ends[3]).toMatchObject({ time: '1970-01-01T00:00:00.000002Z', durationMs: 0.001 });
    expect(ends[4]).toMatchObject({ time: '2100-01-01T00:00:00.000001Z', durationMs: 0.001 });
    expect(ends[5]).toMatchObject({ durationMs: 0 });
    const positions = items.slice(1, 10_001).map(({ name }) => name);
    expect(positions).toEqual(events.map(({ name }) => name));
  });
});
