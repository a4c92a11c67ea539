import { createRequire } from 'node:module';
import type { LogRecordProcessor, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { OtelEnvironment, OtlpProtocol, SignalSettings } from './otel-environment.ts';
import { type Exporter, tellFailure } from './telling-exporter.ts';

/** The SDK is CommonJS and loaded when it is needed, synchronously: `import 'livespan'` alone must not pay for it. */
const require = createRequire(import.meta.url);

export function loadTraceSdk(): typeof import('@opentelemetry/sdk-trace-node') {
  return require('@opentelemetry/sdk-trace-node') as typeof import('@opentelemetry/sdk-trace-node');
}

export function loadLogSdk(): typeof import('@opentelemetry/sdk-logs') {
  return require('@opentelemetry/sdk-logs') as typeof import('@opentelemetry/sdk-logs');
}

/** What `OTEL_TRACES_EXPORTER` asks for, rebuilt: an SDK that is given processors no longer reads it. */
export function createSpanProcessors({ numbers, traces }: OtelEnvironment): SpanProcessor[] {
  const sdk = loadTraceSdk();
  return traces.exporters.map((name) => {
    if (name === 'console') return new sdk.SimpleSpanProcessor(new sdk.ConsoleSpanExporter());
    return new sdk.BatchSpanProcessor(tellFailure(createOtlpExporter<ReadableSpan>('trace', traces), 'spans', traces), {
      scheduledDelayMillis: numbers.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: numbers.OTEL_BSP_EXPORT_TIMEOUT,
      maxQueueSize: numbers.OTEL_BSP_MAX_QUEUE_SIZE,
      maxExportBatchSize: numbers.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    });
  });
}

/** The same for log records. */
export function createLogProcessors({ numbers }: OtelEnvironment, logs: SignalSettings): LogRecordProcessor[] {
  const sdk = loadLogSdk();
  return logs.exporters.map((name) => {
    if (name === 'console') return new sdk.SimpleLogRecordProcessor({ exporter: new sdk.ConsoleLogRecordExporter() });
    return new sdk.BatchLogRecordProcessor({
      exporter: tellFailure(createOtlpExporter<ReadableLogRecord>('logs', logs), 'log records', logs),
      scheduledDelayMillis: numbers.OTEL_BLRP_SCHEDULE_DELAY,
      exportTimeoutMillis: numbers.OTEL_BLRP_EXPORT_TIMEOUT,
      maxQueueSize: numbers.OTEL_BLRP_MAX_QUEUE_SIZE,
      maxExportBatchSize: numbers.OTEL_BLRP_MAX_EXPORT_BATCH_SIZE,
    });
  });
}

const PACKAGES: Readonly<Record<OtlpProtocol, string>> = {
  grpc: 'grpc',
  'http/protobuf': 'proto',
  'http/json': 'http',
};

/** They read their variables (endpoint, headers, time-out, compression, certificates) by themselves. */
function createOtlpExporter<T>(signal: 'trace' | 'logs', { protocol }: SignalSettings): Exporter<T> {
  const module = require(`@opentelemetry/exporter-${signal}-otlp-${PACKAGES[protocol]}`) as Record<
    string,
    new () => Exporter<T>
  >;
  const Exporter = module[signal === 'trace' ? 'OTLPTraceExporter' : 'OTLPLogExporter'];
  if (Exporter === undefined) throw new TypeError(`no OTLP exporter for ${signal} by ${protocol}`);
  return new Exporter();
}
