import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { runChild } from './support/child.ts';

const ROUND_TRIP = `
const server = createServer((request, response) => {
  report({ traceparent: request.headers.traceparent, recording: trace.getActiveSpan()?.isRecording() ?? false });
  response.end('ok');
}).listen(0, '127.0.0.1', async () => {
  await (await fetch('http://127.0.0.1:' + server.address().port)).text();
  server.close();
  server.closeAllConnections();
});`;
const IMPORTS = `import { createServer } from 'node:http'; import { trace } from '@opentelemetry/api';`;
const REQUIRES = `const { createServer } = require('node:http'); const { trace } = require('@opentelemetry/api');`;

describe('livespan/register', () => {
  test.each([
    ['mjs', 'import', IMPORTS],
    ['cjs', 'import', REQUIRES],
    ['cjs', 'require', REQUIRES],
    ['mjs', 'require', IMPORTS],
  ] as const)(
    'traces an application (%s, --%s) in and out, and sends spans at its end',
    async (kind, preload, head) => {
      const otlp = await startOtlpReceiver();
      const child = await runChild(head + ROUND_TRIP, {
        kind,
        preload,
        env: {
          OTEL_TRACES_EXPORTER: 'otlp',
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
          OTEL_EXPORTER_OTLP_ENDPOINT: otlp.httpUrl,
          OTEL_SERVICE_NAME: 'shop',
        },
      });
      expect(child.code, child.stderr).toBe(0);
      expect(child.stderr).toBe('');
      expect(child.reports).toMatchObject([{ recording: true }]);
      const spans = otlp.spans();
      expect(spans).toHaveLength(2);
      expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
      expect(child.reports[0]?.traceparent).toContain(spans[0]?.traceId);
      expect(spans[0]?.resource).toMatchObject({ 'service.name': 'shop', 'livespan.direct': true });
      expect(spans[0]?.resource).toHaveProperty(['service.instance.id']);
      await otlp.close();
    },
  );

  const PROBE = `import { trace } from '@opentelemetry/api'; report({ on: trace.getTracer('x').startSpan('y').isRecording() });`;

  test.each(['npm-cli.mjs', 'npx.mjs', 'yarn-4.5.0.mjs', 'pnpm.mjs'])('leaves %s alone', async (file) => {
    expect((await runChild(PROBE, { file })).reports).toEqual([{ on: false }]);
  });

  test('stays out of worker threads unless told otherwise', async () => {
    const program = `
      import { Worker, isMainThread, parentPort } from 'node:worker_threads';
      import { trace } from '@opentelemetry/api';
      const on = trace.getTracer('x').startSpan('y').isRecording();
      if (!isMainThread) parentPort.postMessage(on);
      else new Worker(new URL(import.meta.url)).on('message', (worker) => report({ on, worker }));`;
    const [without, told] = await Promise.all([
      runChild(program),
      runChild(program, { env: { LIVESPAN_WORKERS: '1' } }),
    ]);
    expect(without.reports, without.stderr).toEqual([{ on: true, worker: false }]);
    expect(told.reports, told.stderr).toEqual([{ on: true, worker: true }]);
  });

  test('OTEL_SDK_DISABLED sets nothing up', async () => {
    expect((await runChild(PROBE, { env: { OTEL_SDK_DISABLED: 'true' } })).reports).toEqual([{ on: false }]);
  });

  test('a wrong option is said, and the application runs without', async () => {
    const child = await runChild(PROBE, { env: { LIVESPAN_LIVE: 'some' } });
    expect(child.reports).toEqual([{ on: false }]);
    expect(child.stderr).toContain('LIVESPAN_LIVE: "some" is not one of all, sampled');
  });

  test('on a Node that is too old says one sentence, and the application runs', async () => {
    const child = await runChild(
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.1' } });
      await import('${new URL('../../src/register.ts', import.meta.url).href}');
      ${PROBE.replace(/^import .*?;/, "const { trace } = await import('@opentelemetry/api');")}`,
      { preload: 'none' },
    );
    const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      engines: { node: string };
    };
    expect(child.reports, child.stderr).toEqual([{ on: false }]);
    expect(child.stderr).toContain(`needs Node.js ${engines.node.replace('>=', '')} or later and this is 20.11.1`);
  });

  test('what is set and has no effect is one warning', async () => {
    const child = await runChild(PROBE, {
      env: { OTEL_METRICS_EXPORTER: 'otlp', OTEL_NODE_RESOURCE_DETECTORS: 'all' },
    });
    expect(child.stderr).toContain('without effect in livespan: OTEL_METRICS_EXPORTER, OTEL_NODE_RESOURCE_DETECTORS.');
    expect(child.stderr.match(/LIVESPAN_OTEL_UNUSED/g)).toHaveLength(1);
  });
});

describe.each(['grpc', 'http/protobuf'])('a Collector by %s', (protocol) => {
  const program = `import { trace } from '@opentelemetry/api';
    for (let index = 0; index < 3; index += 1) trace.getTracer('x').startSpan('work').end();`;
  const env = (endpoint: string) => ({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    LIVESPAN_CLOSE_TIMEOUT_MS: '500',
  });

  test('that is missing is said once, and the script ends by itself', async () => {
    const child = await runChild(program, { env: env('http://127.0.0.1:1') });
    expect(child.code).toBe(0);
    expect(child.stderr.match(/LIVESPAN_OTLP_TRACES/g)?.length ?? 0).toBeLessThanOrEqual(1);
    if (protocol === 'grpc') expect(child.stderr).toContain('could not be exported to http://127.0.0.1:1 by grpc');
  });

  test('that accepts and never answers does not hold the script', async () => {
    const { server, url, close } = await startBlackHole();
    const started = await runChild(program, { env: env(url) });
    expect(started.code).toBe(0);
    // The exporter's own time-out is 10 s.
    expect(started.elapsedMs).toBeLessThan(8_000);
    expect(server.listening).toBe(true);
    await close();
  });
});

async function startBlackHole(): Promise<{ server: Server; url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    server,
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
