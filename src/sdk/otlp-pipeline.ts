import { createRequire } from 'node:module';
import type { LogRecordProcessor, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { detach, type Exporter } from './detached-exporter.ts';
import { abandonCalls, unholdRetries } from './exporter-transport.ts';
import type { OtelEnvironment, OtlpProtocol, SignalSettings } from './otel-environment.ts';

/** The SDK is CommonJS and loaded when it is needed, synchronously: `import 'livespan'` alone must not pay for it. */
const require = createRequire(import.meta.url);

export function loadTraceSdk(): typeof import('@opentelemetry/sdk-trace-node') {
  return require('@opentelemetry/sdk-trace-node') as typeof import('@opentelemetry/sdk-trace-node');
}

export function loadLogSdk(): typeof import('@opentelemetry/sdk-logs') {
  return require('@opentelemetry/sdk-logs') as typeof import('@opentelemetry/sdk-logs');
}

/** A processor and what stands behind it. */
export interface Outlet<P> {
  processor: P;
  /** Resolves when everything given to the processor before is out. */
  flush(): Promise<void>;
  /** Gives up what is under way, as far as it holds the process. */
  abandon(): void;
}

/** What `OTEL_TRACES_EXPORTER` asks for, rebuilt: an SDK that is given processors no longer reads it. */
export function createSpanOutlets({ numbers, traces }: OtelEnvironment): Outlet<SpanProcessor>[] {
  const sdk = loadTraceSdk();
  return traces.exporters.map((name) => {
    if (name === 'console') return createOutlet(new sdk.SimpleSpanProcessor(new sdk.ConsoleSpanExporter()));
    const otlp = createOtlpExporter<ReadableSpan>('trace', traces);
    const exporter = detach(otlp, 'spans', traces);
    const processor = new sdk.BatchSpanProcessor(exporter, {
      scheduledDelayMillis: numbers.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: numbers.OTEL_BSP_EXPORT_TIMEOUT,
      maxQueueSize: numbers.OTEL_BSP_MAX_QUEUE_SIZE,
      maxExportBatchSize: numbers.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    });
    return createOutlet(processor, otlp);
  });
}

/** The same for log records. */
export function createLogOutlets({ numbers }: OtelEnvironment, logs: SignalSettings): Outlet<LogRecordProcessor>[] {
  const sdk = loadLogSdk();
  return logs.exporters.map((name) => {
    if (name === 'console') {
      return createOutlet(new sdk.SimpleLogRecordProcessor({ exporter: new sdk.ConsoleLogRecordExporter() }));
    }
    const otlp = createOtlpExporter<ReadableLogRecord>('logs', logs);
    const exporter = detach(otlp, 'log records', logs);
    const processor = new sdk.BatchLogRecordProcessor({
      exporter,
      scheduledDelayMillis: numbers.OTEL_BLRP_SCHEDULE_DELAY,
      exportTimeoutMillis: numbers.OTEL_BLRP_EXPORT_TIMEOUT,
      maxQueueSize: numbers.OTEL_BLRP_MAX_QUEUE_SIZE,
      maxExportBatchSize: numbers.OTEL_BLRP_MAX_EXPORT_BATCH_SIZE,
    });
    return createOutlet(processor, otlp);
  });
}

interface Flushable {
  forceFlush(): Promise<void>;
}

function createOutlet<P extends Flushable>(processor: P, exporter?: Flushable): Outlet<P> {
  return {
    processor,
    async flush() {
      await processor.forceFlush();
      await exporter?.forceFlush();
    },
    abandon: () => exporter && abandonCalls(exporter),
  };
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
  const exporter = new Exporter();
  unholdRetries(exporter);
  return exporter;
}
