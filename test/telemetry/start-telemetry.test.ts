import { describe, expect, test } from 'vitest';
import { startIngestServer } from '../sdk/support/ingest-server.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { INDEX, runChild } from './support/child.ts';

const START = `import { startTelemetry, emitEvent } from '${INDEX}'; import { trace, propagation, context, ROOT_CONTEXT } from '@opentelemetry/api';`;

/** Runs a program with OTLP/JSON into a receiver. */
async function withOtlp<T>(
  program: string,
  env: Record<string, string>,
  check: (otlp: OtlpReceiver, child: Awaited<ReturnType<typeof runChild>>) => T,
): Promise<T> {
  const otlp = await startOtlpReceiver();
  try {
    const child = await runChild(START + program, {
      preload: 'none',
      env: {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_ENDPOINT: otlp.httpUrl,
        ...Object.fromEntries(
          Object.entries(env).map(([name, value]) => [
            name,
            value.replace('GRPC', otlp.grpcUrl).replace('HTTP', otlp.httpUrl),
          ]),
        ),
      },
    });
    expect(child.code, child.stderr).toBe(0);
    return check(otlp, child);
  } finally {
    await otlp.close();
  }
}

const TEN = `const telemetry = startTelemetry(); for (let index = 0; index < 10; index += 1) trace.getTracer('x').startSpan('work').end(); await telemetry.forceFlush(); report(telemetry.stats()); await telemetry.shutdown();`;

describe('startTelemetry', () => {
  test('refuses wrong options before anything is set up', async () => {
    const child = await runChild(
      `${START}
      for (const options of [{ instrumentations: 5 }, { service: 5 }, { url: 'redis://' }, 'redis://', { spans: { filter: 5 } }, { resourceAttributes: 'a=b' }]) {
        try { startTelemetry(options); } catch (error) { report({ code: error.code, message: error.message }); }
      }
      report({ publisher: globalThis[Symbol.for('livespan.1')]?.publisher !== undefined, recording: trace.getTracer('x').startSpan('a').isRecording() });`,
      { preload: 'none', env: {} },
    );
    expect(child.reports).toEqual([
      { code: 'invalid_option', message: expect.stringMatching(/^instrumentations: expected a list/) },
      { code: 'invalid_option', message: expect.stringMatching(/^service: /) },
      { code: 'invalid_option', message: expect.stringMatching(/^url: /) },
      { code: 'invalid_option', message: expect.stringMatching(/^options: /) },
      { code: 'invalid_option', message: expect.stringMatching(/^filter: /) },
      { code: 'invalid_option', message: expect.stringMatching(/^resourceAttributes: /) },
      { publisher: false, recording: false },
    ]);
  });

  test('gives the same event, id, time and attributes to OTLP and to the feed, and every span to the feed', async () => {
    const ingest = await startIngestServer();
    await withOtlp(
      `const telemetry = startTelemetry();
      report({ same: startTelemetry() === telemetry });
      trace.getTracer('x').startActiveSpan('work', (span) => { emitEvent('work.done', { data: { n: 1 }, callId: 'c-1' }); span.end(); });
      await telemetry.shutdown();
      await telemetry.shutdown();
      report({ after: trace.getTracer('x').startSpan('late').isRecording() });`,
      { LIVESPAN_URL: ingest.url, OTEL_RESOURCE_ATTRIBUTES: 'service.name=shop,team=a' },
      (otlp, child) => {
        expect(child.stderr).toBe('');
        expect(child.reports).toEqual([{ same: true }, { after: false }]);
        const activities = ingest.bodies.flatMap((body) => body.activities) as Record<string, unknown>[];
        expect(activities.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
          'notice livespan.instance_started',
          'span.start work',
          'event work.done',
          'span.end work',
          'notice livespan.instance_stopped',
        ]);
        const [span] = otlp.spans();
        const live = activities[2];
        expect(span?.events[0]?.attributes).toEqual({
          'livespan.id': live?.id,
          'event.severity': 'info',
          'call.id': 'c-1',
          n: 1,
        });
        expect(live).toMatchObject({
          spanId: span?.spanId,
          traceId: span?.traceId,
          service: 'shop',
          attributes: { n: 1 },
        });
        const us = BigInt(span?.events[0]?.timeUnixNano ?? 0) / 1_000n;
        expect(String(live?.time)).toContain(`.${String(us % 1_000_000n).padStart(6, '0')}Z`);
        expect(span?.resource).toMatchObject({ 'livespan.direct': true, 'service.name': 'shop', team: 'a' });
        expect(live?.instance).toBe(span?.resource['service.instance.id']);
      },
    );
    await ingest.close();
  });

  test('unsampled spans are on the feed and not on OTLP; `live: sampled` leaves them out', async () => {
    const env = { OTEL_TRACES_SAMPLER: 'always_off' };
    await withOtlp(TEN, env, (otlp, child) => {
      expect(otlp.spans()).toEqual([]);
      expect(child.reports).toMatchObject([{ emitted: 20 }]);
    });
    await withOtlp(TEN, { ...env, LIVESPAN_LIVE: 'sampled' }, (otlp, child) => {
      expect(otlp.spans()).toEqual([]);
      expect(child.reports).toMatchObject([{ emitted: 0 }]);
    });
  });

  test('headers, compression and the general endpoint', async () => {
    const env = { OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' };
    await withOtlp(TEN, env, (otlp) => {
      expect(otlp.spans()).toHaveLength(10);
      expect(otlp.requests[0]?.headers).toMatchObject({ 'x-tenant': 'a b', 'content-encoding': 'gzip' });
    });
  });

  test.each([
    ['grpc', 'GRPC', 'grpc'],
    ['http/protobuf', 'HTTP/v1/traces', 'http'],
  ])('by %s to the endpoint of traces', async (protocol, endpoint, by) => {
    await withOtlp(
      `const telemetry = startTelemetry(); const span = trace.getTracer('x').startSpan('work'); span.end(); report({ id: span.spanContext().traceId }); await telemetry.forceFlush();`,
      { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint },
      (otlp, child) => {
        expect(
          otlp.requests.map((request) => request.by),
          child.stderr,
        ).toEqual([by]);
        expect(otlp.hasBytes(String(child.reports[0]?.id))).toBe(true);
      },
    );
  });

  test('batches and limits follow the environment', async () => {
    await withOtlp(
      `startTelemetry(); for (let index = 0; index < 4; index += 1) {
        const span = trace.getTracer('x').startSpan('work', { attributes: { a: 'abcdef', b: 2, c: 3 } });
        for (let event = 0; event < 3; event += 1) span.addEvent('e', { a: 1, b: 2 });
        span.end();
      }`,
      {
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2',
        OTEL_BSP_SCHEDULE_DELAY: '60000',
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3',
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '2',
        OTEL_SPAN_EVENT_COUNT_LIMIT: '1',
        OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '1',
      },
      (otlp) => {
        expect(otlp.requests).toHaveLength(2);
        expect(otlp.spans()[0]).toMatchObject({ attributes: { a: 'abc', b: 2 }, events: [{ attributes: { a: 1 } }] });
        expect(otlp.spans()[0]?.events).toHaveLength(1);
      },
    );
  });

  test('propagators follow the environment', async () => {
    const program = `startTelemetry({ instrumentations: false }); report({ fields: propagation.fields() });`;
    await withOtlp(program, { OTEL_PROPAGATORS: 'baggage' }, (_, child) =>
      expect(child.reports).toEqual([{ fields: ['baggage'] }]),
    );
    await withOtlp(program, { OTEL_PROPAGATORS: 'none' }, (_, child) =>
      expect(child.reports).toEqual([{ fields: [] }]),
    );
  });

  test('the console instead of OTLP, and diagnostics', async () => {
    await withOtlp(TEN, { OTEL_TRACES_EXPORTER: 'console', OTEL_LOG_LEVEL: 'debug' }, (otlp, child) => {
      expect(otlp.requests).toEqual([]);
      expect(child.stdout.match(/name: 'work'/g)).toHaveLength(10);
      expect(child.stdout + child.stderr).toContain('@opentelemetry/api: Registered a global for trace');
    });
  });

  test('events as log records', async () => {
    await withOtlp(
      `const telemetry = startTelemetry({ events: 'log' }); emitEvent('app.ready', { data: { n: 7 } }); await telemetry.forceFlush();`,
      { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'HTTP/v1/logs', OTEL_BLRP_SCHEDULE_DELAY: '60000' },
      (otlp, child) => {
        expect(child.stderr).toBe('');
        const [request] = otlp.requests;
        expect(request?.path).toBe('/v1/logs');
        expect(request?.body.toString()).toContain('"eventName":"app.ready"');
        expect(request?.body.toString()).toContain('livespan.id');
      },
    );
  });
});
