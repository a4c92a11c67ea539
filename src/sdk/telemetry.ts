import { isMainThread } from 'node:worker_threads';
import type { Attributes } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { environment, givenOptions, readOptions, wrongOption } from '../config.ts';
import { log, warnOnce } from '../diag.ts';
import { LivespanError } from '../errors.ts';
import { providerRegistered } from './global-slots.ts';
import { defaultInstance } from './instance.ts';
import { type OtelEnvironment, readOtelEnvironment } from './otel-environment.ts';
import { watchProcessEnd } from './process-end.ts';
import { createPublisher, currentPublisher, registerPublisher } from './publisher.ts';
import { DROP_REASONS, type Publisher, type PublisherOptions, type PublisherStats } from './publisher-contract.ts';
import { readSpanOptions } from './span-options.ts';
import type { LiveSpanOptions } from './span-types.ts';
import { LINE_TO_ADD, type Pipeline, setUpDiagnostics, setUpPipeline } from './telemetry-pipeline.ts';
import { createResource } from './telemetry-resource.ts';

export interface TelemetryOptions extends PublisherOptions {
  /** `sampled` keeps unsampled spans off the feed and saves what recording them costs. Default `all`. */
  live?: 'all' | 'sampled';
  /** Instead of those for `node:http` and fetch; `false` for none. */
  instrumentations?: Instrumentation[] | false;
  /** Which spans go to the feed, and which of their attributes. */
  spans?: LiveSpanOptions;
  /** Added to the resource, over `OTEL_RESOURCE_ATTRIBUTES`. */
  resourceAttributes?: Attributes;
}

/** The running set-up. No method rejects; all are bounded in time. */
export interface Telemetry {
  /** Resolves when spans and activities of before are out, or after 10 s. */
  forceFlush(): Promise<void>;
  /** The same within `closeTimeoutMs`, and gives everything back; may be called twice. */
  shutdown(): Promise<void>;
  stats(): PublisherStats;
}

const FLUSH_TIMEOUT_MS = 10_000;
const RUNNING: unique symbol = Symbol.for('livespan.1.telemetry') as never;
/** One a process, also where two copies of this package are loaded. */
const shared = globalThis as { [RUNNING]?: Telemetry | undefined };

/**
 * Sets OpenTelemetry and the live feed up, from the options and the environment (`OTEL_*`, `LIVESPAN_*`): traces to an
 * OTLP endpoint, everything also to the feed. Synchronous; connections come with the first span or event. Where the
 * application has a tracer provider already, that one stays and only `emitEvent` is set up.
 * @returns the running set-up, also at a second call
 * @throws LivespanError `invalid_option`
 */
export function startTelemetry(options: TelemetryOptions = {}): Telemetry {
  const running = shared[RUNNING];
  if (running !== undefined) {
    log.info('startTelemetry: already running; the options of this call have no effect');
    return running;
  }
  const telemetry = setUp(givenOptions(options));
  shared[RUNNING] = telemetry;
  return telemetry;
}

function setUp(options: TelemetryOptions): Telemetry {
  checkInstrumentations(options.instrumentations);
  checkResourceAttributes(options.resourceAttributes);
  const spans = readSpanOptions(options.spans);
  const { events, live, closeTimeoutMs, workers } = readOptions(
    ['events', 'live', 'closeTimeoutMs', 'workers'],
    options,
  );
  const otel = readOtelEnvironment(environment(), events !== 'span');
  sayWarnings(otel);
  if (otel.disabled) return createTelemetry(undefined, undefined, closeTimeoutMs);
  setUpDiagnostics(otel);

  const given = { ...otel.resourceAttributes, ...options.resourceAttributes };
  const service = options.service ?? otel.serviceName ?? textOf(given['service.name']);
  const { instance } = readOptions(['instance'], { instance: options.instance ?? undefined });
  const instanceId = instance ?? textOf(given['service.instance.id']) ?? defaultInstance();
  const publisher = createPublisher({
    ...options,
    ...(service === undefined ? undefined : { service }),
    instance: instanceId,
    register: options.register ?? (isMainThread || workers),
  });
  registerPublisher(publisher);
  if (providerRegistered()) {
    warnOnce(
      'LIVESPAN_PROVIDER_PRESENT',
      `OpenTelemetry is set up already: livespan leaves it as it is, and emitEvent works. ${LINE_TO_ADD}`,
    );
    return createTelemetry(publisher, undefined, closeTimeoutMs);
  }
  const pipeline = setUpPipeline({
    environment: otel,
    // Where some spans stay off the feed, those that go there are marked one by one.
    resource: createResource(otel, given, service, instanceId, live === 'all' && spans.filter === undefined),
    publisher,
    live,
    spans,
    instrumentations: options.instrumentations,
  });
  return createTelemetry(publisher, pipeline, closeTimeoutMs);
}

function createTelemetry(
  publisher: Publisher | undefined,
  pipeline: Pipeline | undefined,
  closeTimeoutMs: number,
): Telemetry {
  let closing: Promise<void> | undefined;
  const unwatch = pipeline && flushAtEnd(pipeline, closeTimeoutMs);
  const telemetry: Telemetry = {
    forceFlush: () => within(FLUSH_TIMEOUT_MS, [pipeline?.forceFlush(), publisher?.flush()]),
    shutdown() {
      closing ??= close();
      return closing;
    },
    stats: () => publisher?.stats() ?? noStats(),
  };
  return telemetry;

  async function close(): Promise<void> {
    unwatch?.();
    if (shared[RUNNING] === telemetry) shared[RUNNING] = undefined;
    if (publisher !== undefined && currentPublisher() === publisher) registerPublisher(undefined);
    // Spans that end while the pipeline is shut down still reach the publisher.
    await within(closeTimeoutMs, [pipeline?.shutdown()]);
    pipeline?.abandon();
    await publisher?.close();
  }
}

/** Before anything is registered: a set-up that fails must leave nothing behind. */
function checkInstrumentations(given: unknown): void {
  if (given === undefined || given === false || Array.isArray(given)) return;
  throw new LivespanError(
    'invalid_option',
    'instrumentations: expected a list of instrumentations, or false for none',
    {
      details: { option: 'instrumentations' },
    },
  );
}

function checkResourceAttributes(given: unknown): void {
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    throw wrongOption('resourceAttributes', 'an object');
  }
}

/** Once is enough: a Collector that has not answered in that time must not be waited for again (`beforeExit` comes again). */
function flushAtEnd(pipeline: Pipeline, timeoutMs: number): () => void {
  let waiting: Promise<void> | undefined;
  const flush = async () => {
    waiting ??= pipeline.forceFlush().finally(() => {
      waiting = undefined;
    });
    await waiting;
  };
  const leave = async () => {
    if (waiting !== undefined) return;
    const timer = setTimeout(pipeline.abandon, timeoutMs);
    timer.unref();
    await flush().finally(() => clearTimeout(timer));
  };
  return watchProcessEnd({ timeoutMs, flush, leave });
}

function sayWarnings({ warnings, unused }: OtelEnvironment): void {
  if (warnings.length > 0) warnOnce('LIVESPAN_OTEL_ENVIRONMENT', warnings.join(' '));
  if (unused.length > 0) {
    warnOnce('LIVESPAN_OTEL_UNUSED', `Set, but without effect in livespan: ${unused.join(', ')}.`);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Resolves when all have settled, or after the time; the timer keeps the process alive until then. */
function within(ms: number, tasks: readonly (Promise<void> | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void Promise.allSettled(tasks).then((results) => {
      for (const result of results) if (result.status === 'rejected') log.warn('flush failed', result.reason);
      clearTimeout(timer);
      resolve();
    });
  });
}

function noStats(): PublisherStats {
  const dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as PublisherStats['dropped'];
  return { emitted: 0, published: 0, queued: 0, dropped };
}
