import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2, type Settings } from 'node:http2';
import { createRequire } from 'node:module';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Authority, type CertificateFiles, createAuthority } from '../support/certificates.ts';
import {
  call,
  type Doors,
  jsonSpan,
  LOGS_EXPORT,
  METRICS_EXPORT,
  openDoors,
  TRACE_EXPORT,
  watchBuffers,
} from './doors.ts';
import { decodeMessage, encodeMessage } from './schema.ts';

const grpc = createRequire(import.meta.url)('@grpc/grpc-js') as typeof import('@grpc/grpc-js');

function spans(count: number, members: object = {}): Buffer {
  const span = { ...jsonSpan(), traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), ...members };
  return encodeMessage('TracesRequest', { resourceSpans: [{ scopeSpans: [{ spans: Array(count).fill(span) }] }] });
}

describe('the gRPC door', () => {
  it('takes spans, counts bad ones and refuses bad bytes', async () => {
    const doors = await openDoors();
    expect(await call(doors.grpc, TRACE_EXPORT, spans(3))).toEqual({ ok: true, body: Buffer.alloc(0) });
    const partial = await call(doors.grpc, TRACE_EXPORT, spans(2, { spanId: Buffer.alloc(8) }));
    if (!partial.ok) throw new Error(partial.message);
    expect(decodeMessage('PartialResponse', partial.body)).toEqual({
      partialSuccess: { rejected: '2', errorMessage: expect.stringContaining('span_id') as string },
    });
    const bad = await call(doors.grpc, LOGS_EXPORT, Buffer.from('no protobuf'));
    expect(bad).toMatchObject({ ok: false, code: grpc.status.INVALID_ARGUMENT });
    expect(await doors.items()).toHaveLength(3);
  });

  it('takes messages above the 4 MiB of grpc-js, up to the limit', async () => {
    const doors = await openDoors({ bodyBytesMax: 6 * 1_048_576 });
    const large = spans(1, { attributes: [{ key: 'a', value: { stringValue: 'x'.repeat(5 * 1_048_576) } }] });
    expect((await call(doors.grpc, TRACE_EXPORT, large)).ok).toBe(true);
    const larger = spans(1, { attributes: [{ key: 'a', value: { stringValue: 'x'.repeat(7 * 1_048_576) } }] });
    expect(await call(doors.grpc, TRACE_EXPORT, larger)).toMatchObject({
      ok: false,
      code: grpc.status.RESOURCE_EXHAUSTED,
    });
    expect(await doors.items()).toHaveLength(1);
  });

  it('refuses a bomb of 64 MiB, which costs at most the limit', async () => {
    const doors = await openDoors({ bodyBytesMax: 1_048_576 });
    const bomb = Buffer.alloc(64 * 1_048_576);
    // Compressed on our side of the wire first: that is not what is weighed.
    const gzip = { channel: { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip } };
    expect((await call(doors.grpc, TRACE_EXPORT, spans(3), gzip)).ok).toBe(true);
    const { result, peakBytes } = await watchBuffers(() => call(doors.grpc, TRACE_EXPORT, bomb, gzip));
    expect(result).toMatchObject({ ok: false, code: grpc.status.RESOURCE_EXHAUSTED });
    expect(peakBytes).toBeLessThan(16 * 1_048_576);
    expect(await doors.items()).toHaveLength(3);
  });

  it('takes 32 calls of a connection at a time; more of them wait', async () => {
    const doors = await openDoors();
    const session = connectHttp2(`http://${doors.grpc}`);
    const [settings] = (await once(session, 'remoteSettings')) as [Settings];
    expect(settings.maxConcurrentStreams).toBe(32);
    await new Promise<void>((resolve) => session.close(resolve));
  });

  it('counts metrics and says that they are not kept', async () => {
    const doors = await openDoors();
    const gauge = { dataPoints: [{ asDouble: 1 }, { asDouble: 2 }] };
    const metrics = [{ name: 'm', gauge }];
    const request = encodeMessage('MetricsRequest', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
    const answer = await call(doors.grpc, METRICS_EXPORT, request);
    if (!answer.ok) throw new Error(answer.message);
    expect(decodeMessage('PartialResponse', answer.body)).toEqual({
      partialSuccess: { rejected: '2', errorMessage: expect.stringContaining('does not keep metrics') as string },
    });
    expect(await doors.counts()).toMatchObject({ requests: 1, metricPoints: 2, rejected: 2 });
  });

  it('says that it serves, and knows no other method', async () => {
    const doors = await openDoors();
    const health = (request: Buffer) => call(doors.grpc, '/grpc.health.v1.Health/Check', request);
    const named = (service: string) => Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
    const serving = { ok: true, body: Buffer.from([0x08, 0x01]) };
    expect(await health(Buffer.alloc(0))).toEqual(serving);
    expect(await health(named('opentelemetry.proto.collector.trace.v1.TraceService'))).toEqual(serving);
    expect(await health(named('another.Service'))).toMatchObject({ ok: false, code: grpc.status.NOT_FOUND });
    expect(await health(Buffer.from([0x0a, 99]))).toMatchObject({ ok: false, code: grpc.status.INVALID_ARGUMENT });
    expect(
      await call(doors.grpc, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', Buffer.alloc(0)),
    ).toMatchObject({
      ok: false,
      code: grpc.status.UNIMPLEMENTED,
    });
  });

  it('needs the token where there is one', async () => {
    const doors = await openDoors({ token: 'a-secret-token' });
    const withToken = (authorization: string) =>
      call(doors.grpc, TRACE_EXPORT, spans(1), { metadata: { authorization } });
    expect(await call(doors.grpc, TRACE_EXPORT, spans(1))).toMatchObject({ code: grpc.status.UNAUTHENTICATED });
    expect(await withToken('Bearer another-token')).toMatchObject({ code: grpc.status.UNAUTHENTICATED });
    expect(await withToken('Bearer a-secret-token')).toMatchObject({ ok: true });
    expect(await doors.items()).toHaveLength(1);
  });
});

describe('TLS', () => {
  let authority: Authority;
  let ours: CertificateFiles;
  let theirs: CertificateFiles;

  beforeAll(async () => {
    authority = await createAuthority();
    [ours, theirs] = [await authority.issue(['IP:127.0.0.1', 'DNS:localhost']), await authority.issue(['DNS:client'])];
  });
  afterAll(() => authority.remove());

  async function byGrpc(doors: Doors, client?: CertificateFiles) {
    const credentials = grpc.credentials.createSsl(
      await readFile(authority.ca),
      client && (await readFile(client.key)),
      client && (await readFile(client.certificate)),
    );
    return call(doors.grpc, TRACE_EXPORT, spans(1), { credentials });
  }

  /** Status line of one request by HTTP over TLS, or how the connection failed. */
  async function byHttp(doors: Doors, client?: CertificateFiles): Promise<string> {
    const certificates = client && { key: await readFile(client.key), cert: await readFile(client.certificate) };
    const ca = await readFile(authority.ca);
    const { port } = new URL(doors.http);
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: Number(port), ca, ...certificates });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(`failed: ${error.code}`));
      socket.on('close', () => resolve('closed'));
      socket.once('data', (data: Buffer) => {
        resolve(data.toString().split('\r\n')[0] ?? '');
        socket.destroy();
      });
      const head = ['POST /v1/traces HTTP/1.1', 'host: 127.0.0.1', 'content-type: application/json'];
      socket.write(`${head.join('\r\n')}\r\ncontent-length: 2\r\n\r\n{}`);
    });
  }

  it('is spoken on both doors with a certificate', async () => {
    const doors = await openDoors({ otlpTlsCertificate: ours.certificate, otlpTlsKey: ours.key });
    expect(doors.http).toMatch(/^https:/);
    expect(await byGrpc(doors)).toMatchObject({ ok: true });
    expect(await byHttp(doors)).toBe('HTTP/1.1 200 OK');
    expect(await call(doors.grpc, TRACE_EXPORT, spans(1))).toMatchObject({ ok: false, code: grpc.status.UNAVAILABLE });
  });

  it('asks clients for a certificate with a client authority', async () => {
    const doors = await openDoors({
      otlpTlsCertificate: ours.certificate,
      otlpTlsKey: ours.key,
      otlpTlsClientCa: authority.ca,
    });
    expect(await byGrpc(doors, theirs)).toMatchObject({ ok: true });
    expect(await byHttp(doors, theirs)).toBe('HTTP/1.1 200 OK');
    expect(await byGrpc(doors)).toMatchObject({ ok: false, code: grpc.status.UNAVAILABLE });
    expect(await byHttp(doors)).toMatch(/^failed|^closed/);
    const other = await createAuthority();
    try {
      const stranger = await other.issue(['DNS:client']);
      expect(await byGrpc(doors, stranger)).toMatchObject({ ok: false, code: grpc.status.UNAVAILABLE });
      expect(await byHttp(doors, stranger)).toMatch(/^failed|^closed/);
    } finally {
      await other.remove();
    }
    expect(await doors.items()).toHaveLength(1);
  });

  it('is refused half given, or with a file that is not there', async () => {
    await expect(openDoors({ otlpTlsCertificate: ours.certificate })).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(openDoors({ otlpTlsCertificate: ours.certificate, otlpTlsKey: '/nowhere.key' })).rejects.toMatchObject(
      { code: 'invalid_option' },
    );
  });
});

describe('ports', () => {
  it('are free of OTLP where nobody asked for a door', async () => {
    const { serve } = await import('../server/http.ts');
    const server = await serve();
    expect([server.otlpGrpcUrl, server.otlpHttpUrl]).toEqual([undefined, undefined]);
    const off = await serve({ otlp: false, otlpHttpPort: 0 });
    expect(off.otlpHttpUrl).toBeUndefined();
  });

  it('that were asked for and are taken are an error, and nothing stays open', async () => {
    const said = vi.spyOn(console, 'error');
    onTestFinished(() => said.mockRestore());
    const first = await openDoors();
    const taken = (url: string) => Number(new URL(url).port);
    await expect(openDoors({ otlpHttpPort: taken(first.http) })).rejects.toMatchObject({ code: 'address_in_use' });
    await expect(openDoors({ otlpGrpcPort: taken(`http://${first.grpc}`) })).rejects.toMatchObject({
      code: 'address_in_use',
      message: expect.stringMatching(/^otlpGrpcPort: \d+ is in use$/) as string,
    });
    // Ours is the only sentence: grpc-js has one of its own for this.
    expect(said).not.toHaveBeenCalled();
  });
});
