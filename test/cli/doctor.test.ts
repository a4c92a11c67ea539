import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/cli/doctor-report.ts';
import { clockFinding } from '../../src/cli/doctor-report.ts';
import { startRedis, uniqueFeed } from '../support/redis.ts';
import { endAll, runCli, startServe } from './cli-process.ts';

afterEach(endAll);

async function examine(
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; hops: Record<string, Finding>; text: string }> {
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], env);
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return { code, hops: Object.fromEntries(findings.map((found) => [found.hop, found])), text: stdout + stderr };
}

const NO_OTLP = { OTEL_TRACES_EXPORTER: 'none' };

describe('doctor', () => {
  it('goes the whole way through a server', async () => {
    const { url } = await startServe([], { LIVESPAN_TOKEN: 'correct-horse' });
    const [well, locked] = await Promise.all([
      examine({ LIVESPAN_URL: url, LIVESPAN_TOKEN: 'correct-horse', ...NO_OTLP }),
      examine({ LIVESPAN_URL: url, ...NO_OTLP }),
    ]);
    expect(well.code).toBe(0);
    expect(Object.entries(well.hops).map(([hop, { outcome }]) => [hop, outcome])).toEqual([
      ['environment', 'ok'],
      ['server', 'ok'],
      ['log', 'ok'],
      ['append', 'ok'],
      ['subscribe', 'ok'],
      ['clock', 'ok'],
      ['otlp', 'skipped'],
    ]);
    expect(well.hops.append?.ms).toBeGreaterThan(0);
    expect(well.text).not.toContain('correct-horse');
    expect(locked.code).toBe(1);
    expect(locked.hops.append).toMatchObject({ outcome: 'failed', sentence: expect.stringContaining('token') });
  });

  it('goes the whole way through Redis, and names what is wrong with it', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'hunter2'] });
    try {
      const LIVESPAN_FEED = uniqueFeed();
      const LIVESPAN_URL = redis.url.replace('//', '//:hunter2@');
      const [well, wrong] = await Promise.all([
        examine({ LIVESPAN_URL, LIVESPAN_FEED, ...NO_OTLP }),
        examine({ LIVESPAN_URL: redis.url.replace('//', '//:wrong-one@'), LIVESPAN_FEED, ...NO_OTLP }),
      ]);
      expect(well.code).toBe(0);
      for (const hop of ['append', 'subscribe', 'clock']) expect(well.hops[hop]).toMatchObject({ outcome: 'ok' });
      expect(well.hops.log?.sentence).toMatch(/redis 7\.0\.15 .*0 entries/);
      // A server of the person who runs the tests may stand at the default address.
      const hasServer = await fetch('http://127.0.0.1:4319/health').then(
        () => true,
        () => false,
      );
      expect(well.hops.server).toMatchObject({
        outcome: hasServer ? 'ok' : 'warning',
        sentence: expect.stringContaining(hasServer ? 'answers' : 'livespan serve'),
      });
      expect(wrong.code).toBe(1);
      expect(wrong.hops.log).toMatchObject({ outcome: 'failed', sentence: expect.stringMatching(/password/i) });
      expect(wrong.hops.append).toMatchObject({ outcome: 'skipped' });
      expect(well.text + wrong.text).not.toMatch(/hunter2|wrong-one/);
    } finally {
      await redis.stop();
    }
  });

  it('fails where nothing is, and where a variable is wrong', async () => {
    const [nothing, wrong, odd] = await Promise.all([
      examine({ LIVESPAN_URL: 'http://127.0.0.1:2', ...NO_OTLP }),
      examine({ LIVESPAN_QUEUE_COUNT_MAX: 'many' }),
      examine({
        LIVESPAN_URL: 'memory:',
        LIVESPAN_PROT: '1',
        REDIS_URL: 'redis://:hunter2@x',
        OTEL_SDK_DISABLED: 'true',
      }),
    ]);
    expect(nothing).toMatchObject({ code: 1, hops: { server: { outcome: 'failed' }, append: { outcome: 'skipped' } } });
    expect(wrong).toMatchObject({
      code: 1,
      hops: { environment: { sentence: expect.stringContaining('LIVESPAN_QUEUE_COUNT_MAX: "many"') } },
    });
    expect(odd).toMatchObject({
      code: 0,
      hops: { environment: { outcome: 'warning', sentence: expect.stringContaining('unknown: LIVESPAN_PROT') } },
    });
    expect(odd.text).not.toContain('hunter2');
  });

  it('asks the OTLP endpoint that is set, by each protocol', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['content-type']} ${request.headers['x-key']}`);
      response.writeHead(request.url === '/base/v1/traces' ? 200 : 404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const otlp = async (endpoint: string, protocol: string) => {
      const { code, hops } = await examine({
        LIVESPAN_URL: 'memory:',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
      });
      return { code, outcome: hops.otlp?.outcome };
    };
    expect(
      await Promise.all([
        otlp(`${origin}/base`, 'http/protobuf'),
        otlp(origin, 'http/json'),
        otlp('http://127.0.0.1:2', 'grpc'),
      ]),
    ).toEqual([
      { code: 0, outcome: 'ok' },
      { code: 1, outcome: 'failed' },
      { code: 1, outcome: 'failed' },
    ]);
    expect(asked.sort()).toEqual([
      'POST /base/v1/traces application/x-protobuf a b',
      'POST /v1/traces application/json a b',
    ]);
    server.closeAllConnections();
    server.close();
  });

  it('exports an empty trace by gRPC, too', async () => {
    const keys: unknown[] = [];
    const server = new grpc.Server();
    const same = (bytes: Buffer): Buffer => bytes;
    const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
    const method = { path, requestStream: false, responseStream: false };
    const service = {
      Export: {
        ...method,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    };
    server.addService(service, {
      Export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
        keys.push(call.metadata.get('x-key')[0], call.request.length);
        answer(null, Buffer.alloc(0));
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const plain = { LIVESPAN_URL: 'memory:', OTEL_EXPORTER_OTLP_HEADERS: 'x-key=1' };
    const [http, bare] = await Promise.all([
      examine({ ...plain, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}` }),
      examine({ ...plain, OTEL_EXPORTER_OTLP_ENDPOINT: `127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_INSECURE: 'true' }),
    ]);
    server.forceShutdown();
    expect([http.hops.otlp?.outcome, bare.hops.otlp?.outcome]).toEqual(['ok', 'ok']);
    expect(keys).toEqual(['1', 0, '1', 0]);
  });

  it('tells two clocks apart only where it can', () => {
    expect(clockFinding('x', 5_000, 0, 100)).toMatchObject({
      outcome: 'warning',
      sentence: expect.stringContaining('4950 ms ahead'),
    });
    expect(clockFinding('x', 0, 0, 10_000)).toMatchObject({
      outcome: 'ok',
      sentence: expect.stringContaining('5000 ms behind'),
    });
  });
});
