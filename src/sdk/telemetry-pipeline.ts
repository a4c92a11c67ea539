import { createRequire } from 'node:module';
import { DiagConsoleLogger, DiagLogLevel, diag, type TextMapPropagator } from '@opentelemetry/api';
import type { LoggerProvider } from '@opentelemetry/api-logs';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import type { Resource } from '@opentelemetry/resources';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { warnOnce } from '../diag.ts';
import { occupySlots } from './global-slots.ts';
import { instrument, instrumentHttp } from './instrumentations.ts';
import { createSampler, recordAll } from './live-sampler.ts';
import { LiveSpanProcessor } from './live-span-processor.ts';
import type { LogLevel, OtelEnvironment } from './otel-environment.ts';
import { createLogOutlets, createSpanOutlets, loadLogSdk, loadTraceSdk, type Outlet } from './otlp-pipeline.ts';
import type { Publisher } from './publisher-contract.ts';
import type { LiveSpanOptions } from './span-types.ts';
import { createYieldingProvider } from './yielding-provider.ts';

const require = createRequire(import.meta.url);

export interface PipelineOptions {
  environment: OtelEnvironment;
  resource: Resource;
  publisher: Publisher;
  live: 'all' | 'sampled';
  spans: LiveSpanOptions;
  instrumentations: readonly Instrumentation[] | false | undefined;
}

/** OpenTelemetry as we set it up. */
export interface Pipeline {
  /** Rejects where an exporter fails. */
  forceFlush(): Promise<void>;
  /** Gives up exports under way: they would hold a process that is done until they time out. */
  abandon(): void;
  shutdown(): Promise<void>;
}

/** What has to be said where spans go to a provider of the application's. */
export const LINE_TO_ADD =
  'To see its spans live, add `spanProcessors: [new LiveSpanProcessor(publisher)]` to it, beside its own ' +
  "processor (`import { LiveSpanProcessor } from 'livespan'`; without an argument it takes the running publisher).";

/** One provider with its processors, propagation, async context and HTTP instrumentation, in the API's global slots. */
export function setUpPipeline(options: PipelineOptions): Pipeline {
  const { environment } = options;
  const outlets = createSpanOutlets(environment);
  const provider = createProvider(options, outlets);
  const yielding = createYieldingProvider(provider);
  const contextManager = createContextManager();
  const slots = occupySlots({
    provider: yielding,
    contextManager,
    propagator: createPropagator(environment),
    onTaken(slot) {
      if (slot !== 'trace') return;
      instrumented?.yield();
      warnOnce(
        'LIVESPAN_PROVIDER_TAKEN',
        `The application has set up its own OpenTelemetry provider after livespan: it gets every span from now on, and ` +
          `livespan keeps the events of emitEvent. ${LINE_TO_ADD}`,
      );
    },
    onRefused: () =>
      warnOnce(
        'LIVESPAN_PROVIDER_REFUSED',
        'OpenTelemetry set-up of the application was refused, because it has another version of @opentelemetry/api than ' +
          'livespan has registered with: it will get no spans. Install one version, or do not start livespan there.',
      ),
  });
  if (!slots.yielding) {
    warnOnce(
      'LIVESPAN_PROVIDER_FIXED',
      'The globals of the OpenTelemetry API cannot be changed here: a provider that is set up after livespan gets no spans.',
    );
  }
  const instrumented =
    options.instrumentations === false
      ? undefined
      : options.instrumentations === undefined
        ? instrumentHttp(yielding)
        : instrument(options.instrumentations, yielding);
  const loggers = setUpLogs(options);

  return {
    async forceFlush() {
      await Promise.all([...outlets.map((outlet) => outlet.flush()), loggers?.forceFlush()]);
    },
    abandon() {
      for (const outlet of outlets) outlet.abandon();
      loggers?.abandon();
    },
    async shutdown() {
      instrumented?.disable();
      slots.release();
      yielding.yieldTo(undefined);
      await Promise.all([provider.shutdown(), loggers?.shutdown()]);
    },
  };
}

function createProvider(
  { environment, resource, publisher, live, spans }: PipelineOptions,
  outlets: readonly Outlet<SpanProcessor>[],
) {
  const { NodeTracerProvider } = loadTraceSdk();
  const { numbers } = environment;
  const sampler = createSampler(environment);
  return new NodeTracerProvider({
    resource,
    sampler: live === 'all' ? recordAll(sampler) : sampler,
    spanProcessors: [
      ...outlets.map(({ processor }) => processor),
      new LiveSpanProcessor(publisher, { ...spans, live }),
    ],
    spanLimits: {
      attributeCountLimit: numbers.OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT,
      attributeValueLengthLimit: numbers.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
      eventCountLimit: numbers.OTEL_SPAN_EVENT_COUNT_LIMIT,
      linkCountLimit: numbers.OTEL_SPAN_LINK_COUNT_LIMIT,
      attributePerEventCountLimit: numbers.OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT,
      attributePerLinkCountLimit: numbers.OTEL_LINK_ATTRIBUTE_COUNT_LIMIT,
    },
  });
}

/**
 * Where `emitEvent` writes log records. Ours stands behind the API's proxy and not in its global slot, so that a logger
 * provider of the application's is the one, whether it comes before or after.
 */
function setUpLogs({ environment, resource }: PipelineOptions): Pipeline | undefined {
  if (environment.logs === undefined) return undefined;
  const { numbers } = environment;
  const { LoggerProvider } = loadLogSdk();
  const outlets = createLogOutlets(environment, environment.logs);
  const provider = new LoggerProvider({
    resource,
    processors: outlets.map(({ processor }) => processor),
    logRecordLimits: {
      attributeCountLimit: numbers.OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT,
      attributeValueLengthLimit: numbers.OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT,
    },
  });
  const { logs } = require('@opentelemetry/api-logs') as typeof import('@opentelemetry/api-logs');
  const proxy = logs.getLoggerProvider() as { _setDelegate?: (delegate: LoggerProvider) => void };
  proxy._setDelegate?.(provider);
  return {
    async forceFlush() {
      await Promise.all(outlets.map((outlet) => outlet.flush()));
    },
    abandon() {
      for (const outlet of outlets) outlet.abandon();
    },
    shutdown: () => provider.shutdown(),
  };
}

function createContextManager() {
  const { AsyncLocalStorageContextManager } =
    require('@opentelemetry/context-async-hooks') as typeof import('@opentelemetry/context-async-hooks');
  return new AsyncLocalStorageContextManager().enable();
}

function createPropagator({ propagators }: OtelEnvironment): TextMapPropagator | undefined {
  if (propagators.length === 0) return undefined;
  const core = require('@opentelemetry/core') as typeof import('@opentelemetry/core');
  return new core.CompositePropagator({
    propagators: propagators.map((name) =>
      name === 'baggage' ? new core.W3CBaggagePropagator() : new core.W3CTraceContextPropagator(),
    ),
  });
}

const DIAG_LEVELS: Readonly<Record<LogLevel, DiagLogLevel>> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
};

/** `OTEL_LOG_LEVEL` turns OpenTelemetry's diagnostics on, to the console; a logger that is there already stays. */
export function setUpDiagnostics({ logLevel }: OtelEnvironment): void {
  if (logLevel === undefined) return;
  const api = (globalThis as Record<symbol, { diag?: unknown } | undefined>)[Symbol.for('opentelemetry.js.api.1')];
  if (api?.diag === undefined) diag.setLogger(new DiagConsoleLogger(), DIAG_LEVELS[logLevel]);
}
