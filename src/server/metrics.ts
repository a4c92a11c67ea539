import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Attributes, Meter } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationType,
  InstrumentType,
  MeterProvider,
  type MetricDescriptor,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

/** A figure that is read when somebody scrapes; the hot path counts in plain numbers. */
export interface Figure {
  /** OpenTelemetry name; Prometheus gets it with underscores, unit and, for a counter, `_total`. */
  name: string;
  kind: 'counter' | 'gauge';
  description: string;
  /** UCUM: `s`, `By`, `{activity}`. */
  unit: string;
  read: () => readonly { value: number; attributes?: Attributes }[];
}

/** The server's own metrics. */
export interface Metrics {
  add(figures: readonly Figure[]): void;
  recordRequest(route: string, method: string, status: number, durationS: number): void;
  recordDroppedConnection(): void;
  /** Prometheus text format. */
  scrape(): Promise<string>;
  close(): Promise<void>;
}

/** Seconds; the semantic conventions' advice for `http.server.request.duration`. */
const DURATION_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const NANOSECONDS = 1e9;
const UNIT_SUFFIXES: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' };

/** Collects when asked, and never by itself. */
class ScrapeReader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

export function createMetrics(): Metrics {
  const reader = new ScrapeReader();
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'livespan' }),
    readers: [reader],
    views: [
      {
        instrumentName: 'http.server.request.duration',
        instrumentType: InstrumentType.HISTOGRAM,
        aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: DURATION_BOUNDS_S } },
      },
    ],
  });
  const meter = provider.getMeter('livespan');
  const duration = meter.createHistogram('http.server.request.duration', {
    description: 'Time a request took, but for streams',
    unit: 's',
  });
  let droppedConnections = 0;
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const metrics: Metrics = {
    add: (figures) => {
      for (const figure of figures) observe(meter, figure);
    },
    recordRequest(route, method, status, durationS) {
      if (route === '/activity/stream' && status === 200) return;
      duration.record(durationS, {
        'http.route': route,
        'http.request.method': method,
        'http.response.status_code': status,
      });
    },
    recordDroppedConnection() {
      droppedConnections += 1;
    },
    async scrape() {
      const { resourceMetrics } = await reader.collect();
      delay.reset();
      return serializer.serialize(withUnitNames(resourceMetrics));
    },
    async close() {
      delay.disable();
      await provider.shutdown();
    },
  };
  metrics.add([
    {
      name: 'livespan.server.connections.dropped',
      kind: 'counter',
      description: 'Connections refused because there were too many',
      unit: '{connection}',
      read: () => [{ value: droppedConnections }],
    },
    ...processFigures(delay),
  ]);
  return metrics;
}

/** Prometheus wants the unit in the name; the serialiser leaves that to us (OpenTelemetry: Prometheus compatibility). */
function withUnitNames(metrics: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = metrics.scopeMetrics.map((scope) => ({
    ...scope,
    metrics: scope.metrics.map((metric) => ({ ...metric, descriptor: withUnitName(metric.descriptor) })),
  }));
  return { ...metrics, scopeMetrics };
}

function withUnitName(descriptor: MetricDescriptor): MetricDescriptor {
  const suffix = UNIT_SUFFIXES[descriptor.unit];
  return { ...descriptor, unit: '', name: suffix === undefined ? descriptor.name : `${descriptor.name}.${suffix}` };
}

function observe(meter: Meter, { name, kind, description, unit, read }: Figure): void {
  const instrument =
    kind === 'counter'
      ? meter.createObservableCounter(name, { description, unit })
      : meter.createObservableGauge(name, { description, unit });
  instrument.addCallback((result) => {
    for (const { value, attributes } of read()) if (Number.isFinite(value)) result.observe(value, attributes);
  });
}

function processFigures(delay: ReturnType<typeof monitorEventLoopDelay>): Figure[] {
  const gauge = (name: string, unit: string, description: string, read: () => number): Figure => ({
    name,
    kind: 'gauge',
    unit,
    description,
    read: () => [{ value: read() }],
  });
  const since = 'Event loop delay since the last scrape';
  return [
    gauge('nodejs.eventloop.delay.mean', 's', `${since}, mean`, () => delay.mean / NANOSECONDS),
    gauge('nodejs.eventloop.delay.p50', 's', `${since}, median`, () => delay.percentile(50) / NANOSECONDS),
    gauge('nodejs.eventloop.delay.p99', 's', `${since}, 99th percentile`, () => delay.percentile(99) / NANOSECONDS),
    gauge('nodejs.eventloop.delay.max', 's', `${since}, longest`, () => delay.max / NANOSECONDS),
    gauge('v8js.memory.heap.used', 'By', 'Heap in use', () => process.memoryUsage().heapUsed),
    gauge('v8js.memory.heap.total', 'By', 'Heap reserved', () => process.memoryUsage().heapTotal),
    gauge('process.memory.usage', 'By', 'Resident set size', () => process.memoryUsage.rss()),
    gauge('process.uptime', 's', 'Time since the process started', () => process.uptime()),
    {
      name: 'process.cpu.time',
      kind: 'counter',
      unit: 's',
      description: 'CPU time used',
      read: () => {
        const { user, system } = process.cpuUsage();
        return [
          { value: user / 1e6, attributes: { 'cpu.mode': 'user' } },
          { value: system / 1e6, attributes: { 'cpu.mode': 'system' } },
        ];
      },
    },
  ];
}
