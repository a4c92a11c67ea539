import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, type CertificateFiles, createAuthority } from '../support/certificates.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { runChild } from './support/child.ts';

const PROGRAM = `import { trace } from '@opentelemetry/api';
  const span = trace.getTracer('x').startSpan('work'); span.end(); report({ id: span.spanContext().traceId });`;

let authority: Authority;
let client: CertificateFiles;
let otlp: OtlpReceiver;

beforeAll(async () => {
  authority = await createAuthority();
  client = await authority.issue(['DNS:client']);
  otlp = await startOtlpReceiver({ ...(await authority.issue(['DNS:localhost'])), ca: authority.ca });
});
afterAll(async () => {
  await otlp.close();
  await authority.remove();
});

describe.each(['grpc', 'http/protobuf', 'http/json'])('OTLP by %s over TLS', (protocol) => {
  const base = () => ({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: (protocol === 'grpc' ? otlp.grpcUrl : otlp.httpUrl).replace('127.0.0.1', 'localhost'),
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    LIVESPAN_CLOSE_TIMEOUT_MS: '5000',
  });
  const certificates = () => ({
    OTEL_EXPORTER_OTLP_CERTIFICATE: authority.ca,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: client.key,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: client.certificate,
  });

  test('trusts the given authority, shows its own certificate and compresses', async () => {
    const before = otlp.requests.length;
    const child = await runChild(PROGRAM, { env: { ...base(), ...certificates() } });
    expect([child.code, child.stderr]).toEqual([0, '']);
    const [request, ...others] = otlp.requests.slice(before);
    expect(others).toEqual([]);
    const id = String(child.reports[0]?.id);
    expect(request?.body.includes(protocol === 'http/json' ? id : Buffer.from(id, 'hex'))).toBe(true);
    // Of gRPC the receiver is shown the message only after it was decompressed.
    if (protocol !== 'grpc') expect(request?.headers['content-encoding']).toBe('gzip');
  });

  test('sends nothing without the client certificate, says so once, and the script ends', async () => {
    const before = otlp.requests.length;
    const { OTEL_EXPORTER_OTLP_CERTIFICATE } = certificates();
    const child = await runChild(PROGRAM, {
      env: { ...base(), OTEL_EXPORTER_OTLP_CERTIFICATE, LIVESPAN_CLOSE_TIMEOUT_MS: '500' },
    });
    expect(child.code).toBe(0);
    expect(child.stderr.match(/LIVESPAN_OTLP_TRACES/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(otlp.requests).toHaveLength(before);
  });
});

test('INSECURE is gRPC without TLS for an endpoint without scheme', async () => {
  const plain = await startOtlpReceiver();
  const child = await runChild(PROGRAM, {
    env: {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: plain.grpcUrl.replace('http://', ''),
      OTEL_EXPORTER_OTLP_INSECURE: 'true',
    },
  });
  await plain.close();
  expect([child.code, child.stderr]).toEqual([0, '']);
  expect(plain.requests.map(({ by }) => by)).toEqual(['grpc']);
});

test('TIMEOUT ends an export that is not answered', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const child = await runChild(
    `${PROGRAM} process.once('warning', () => clearTimeout(hold)); const hold = setTimeout(() => undefined, 15_000);`,
    {
      env: {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
        OTEL_EXPORTER_OTLP_TIMEOUT: '200',
        OTEL_BSP_SCHEDULE_DELAY: '50',
      },
    },
  );
  silent.closeAllConnections();
  silent.close();
  expect(child.stderr).toMatch(/LIVESPAN_OTLP_TRACES.*time/is);
});
