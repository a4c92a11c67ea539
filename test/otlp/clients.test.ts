import { trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import { describe, expect, it } from 'vitest';
import { type Doors, openDoors } from './doors.ts';

type Compression = 'gzip' | 'none';

interface Exporters {
  traces: SpanExporter;
  logs: LogRecordExporter;
}

function exporters(protocol: string, doors: Doors, compression: Compression, token?: string): Exporters {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  // The enum of the exporters' base package is its texts.
  const shared = { compression: compression as never, headers: authorization };
  if (protocol === 'grpc') {
    // OTEL_EXPORTER_OTLP_HEADERS is how headers come to gRPC exporters without importing grpc-js.
    process.env.OTEL_EXPORTER_OTLP_HEADERS = token === undefined ? '' : `authorization=Bearer%20${token}`;
    const options = { url: `http://${doors.grpc}`, compression: compression as never };
    try {
      return { traces: new GrpcTraces(options), logs: new GrpcLogs(options) };
    } finally {
      delete process.env.OTEL_EXPORTER_OTLP_HEADERS;
    }
  }
  const urls = { traces: `${doors.http}/v1/traces`, logs: `${doors.http}/v1/logs` };
  return protocol === 'http/protobuf'
    ? { traces: new ProtoTraces({ ...shared, url: urls.traces }), logs: new ProtoLogs({ ...shared, url: urls.logs }) }
    : { traces: new JsonTraces({ ...shared, url: urls.traces }), logs: new JsonLogs({ ...shared, url: urls.logs }) };
}

const resource = resourceFromAttributes({ 'service.name': 'client', 'service.instance.id': 'client-1' });

async function sendSpans(exporter: SpanExporter): Promise<{ traceId: string; parent: string; child: string }> {
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer('test-scope', '1.2.3');
  const parent = tracer.startSpan('parent', { startTime: [1_763_684_557, 123_456_000] });
  const child = tracer.startSpan(
    'child',
    { kind: 2, startTime: [1_763_684_557, 124_000_000], attributes: { n: 42, ok: true, list: ['a', 'b'], ratio: 0.5 } },
    trace.setSpan((await import('@opentelemetry/api')).ROOT_CONTEXT, parent),
  );
  child.addEvent('cache.miss', { key: 'k1' }, [1_763_684_557, 125_001_000]);
  child.setStatus({ code: 2, message: 'went wrong' });
  child.end([1_763_684_557, 130_456_000]);
  parent.end([1_763_684_557, 140_000_000]);
  await provider.shutdown();
  return {
    traceId: parent.spanContext().traceId,
    parent: parent.spanContext().spanId,
    child: child.spanContext().spanId,
  };
}

async function sendLogs(exporter: LogRecordExporter): Promise<void> {
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger('test-logger');
  logger.emit({
    eventName: 'order.placed',
    severityNumber: SeverityNumber.WARN2,
    body: 'An order was placed',
    timestamp: [1_763_684_557, 123_456_000],
    attributes: { amount: 12.5, nested: { deep: [1, 2] } },
  });
  await provider.shutdown();
}

describe.each(['grpc', 'http/protobuf', 'http/json'])("OpenTelemetry's Node exporter, %s", (protocol) => {
  it.each<Compression>(['none', 'gzip'])('is understood, compression %s', async (compression) => {
    const doors = await openDoors();
    const { traces, logs } = exporters(protocol, doors, compression);
    const ids = await sendSpans(traces);
    await sendLogs(logs);
    const items = await doors.items();
    const shared = { service: 'client', instance: 'client-1' };
    expect(items.map(({ id: _, ...item }) => item)).toEqual([
      {
        ...shared,
        kind: 'event',
        name: 'cache.miss',
        time: '2025-11-21T00:22:37.125001Z',
        severity: 'info',
        traceId: ids.traceId,
        spanId: ids.child,
        scope: 'test-scope',
        attributes: { key: 'k1' },
        cursor: expect.any(String) as string,
      },
      {
        ...shared,
        kind: 'span.end',
        name: 'child',
        time: '2025-11-21T00:22:37.130456Z',
        severity: 'error',
        traceId: ids.traceId,
        spanId: ids.child,
        parentSpanId: ids.parent,
        spanKind: 'client',
        status: 'error',
        statusMessage: 'went wrong',
        durationMs: 6.456,
        scope: 'test-scope',
        eventCount: 1,
        droppedEvents: 0,
        attributes: { n: 42, ok: true, list: ['a', 'b'], ratio: 0.5 },
        cursor: expect.any(String) as string,
      },
      expect.objectContaining({
        kind: 'span.end',
        name: 'parent',
        durationMs: 16.544,
        spanKind: 'internal',
        status: 'unset',
      }) as object,
      {
        ...shared,
        kind: 'log',
        name: 'order.placed',
        time: '2025-11-21T00:22:37.123456Z',
        severity: 'warn',
        summary: 'An order was placed',
        scope: 'test-logger',
        attributes: { amount: 12.5, 'nested.deep': [1, 2] },
        cursor: expect.any(String) as string,
      },
    ]);
    expect(await doors.counts()).toMatchObject({
      requests: 2,
      spans: 2,
      logs: 1,
      activities: 4,
      rejected: 0,
      badRequests: 0,
    });
  });

  it('comes in with the token in its headers', async () => {
    const doors = await openDoors({ token: 'a-secret-token' });
    await sendSpans(exporters(protocol, doors, 'none', 'a-secret-token').traces);
    expect(await doors.items()).toHaveLength(3);
  });
});

describe('what came only when it had ended', () => {
  it('was never seen running, and its missing parent is a placeholder', async () => {
    const doors = await openDoors();
    const { traces } = exporters('http/json', doors, 'none');
    const ids = await sendSpans({
      export: (spans, done) =>
        traces.export(
          spans.filter(({ name }) => name === 'child'),
          done,
        ),
      shutdown: () => traces.shutdown(),
    });
    const { getJson } = await import('../server/http.ts');
    const view = await getJson<{ spans: object[] }>(`${doors.server.url}/traces/${ids.traceId}`);
    expect(view.spans).toEqual([
      { spanId: ids.parent, placeholder: true },
      expect.objectContaining({ spanId: ids.child, state: 'error', live: false, durationMs: 6.456 }) as object,
    ]);
  });
});
