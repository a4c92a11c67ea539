import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import { createPublisher } from '../../../src/sdk/publisher.ts';

const SPANS_EACH = 20;
const TICK_MS = 20;
const DIRECT_EVERY_MS = 10;
const STEP_MS = 5;

/**
 * An application under steady load that knows what became of each of its spans. It sends them with OpenTelemetry's own
 * exporter, and beside them events straight into Redis, as an application with the livespan SDK does.
 */
export interface Sender {
  readonly service: string;
  /** Span id → trace id, of every span that has ended. */
  readonly spans: ReadonlyMap<string, string>;
  /** Span ids that were answered with success. */
  readonly acknowledged: ReadonlySet<string>;
  /** Span ids that the exporter gave back as failed. */
  readonly refused: ReadonlySet<string>;
  /** Events straight into Redis. */
  directCount(): number;
  /** Ends the load; resolves when every span is answered for and every event is in Redis. */
  stop(): Promise<void>;
  /** One more span, after `stop`, again and again until one is acknowledged. Answers its id and its trace's. */
  last(): Promise<{ spanId: string; traceId: string }>;
  close(): Promise<void>;
}

export function startSender(options: {
  service: string;
  otlpPort: number;
  redisUrl: string;
  feed: string;
  /** Spans a second. */
  rate: number;
  /** Text that each span carries besides. */
  paddingBytes: number;
}): Sender {
  const { service, otlpPort, rate, redisUrl, feed, paddingBytes } = options;
  const padding = 'x'.repeat(paddingBytes);
  const spans = new Map<string, string>();
  const acknowledged = new Set<string>();
  const refused = new Set<string>();
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${otlpPort}` });
  const watched: SpanExporter = {
    export(batch, done) {
      exporter.export(batch, (result) => {
        const outcome = result.code === ExportResultCode.SUCCESS ? acknowledged : refused;
        for (const span of batch) outcome.add(span.spanContext().spanId);
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    // A queue that holds all of a row: what the exporter leaves out in silence would be missing from the sums.
    spanProcessors: [new BatchSpanProcessor(watched, { scheduledDelayMillis: 100, maxQueueSize: 200_000 })],
  });
  const tracer = provider.getTracer('load');
  const publisher = createPublisher({ url: redisUrl, feed, service });

  const sendTrace = (spansEach: number): { spanId: string; traceId: string } => {
    const root = tracer.startSpan('load.root');
    const below = trace.setSpan(ROOT_CONTEXT, root);
    for (let index = 1; index <= spansEach; index++) {
      const span = index === spansEach ? root : tracer.startSpan('load.step', {}, below);
      span.setAttributes({ 'load.index': index, 'load.padding': padding });
      span.end();
      spans.set(span.spanContext().spanId, span.spanContext().traceId);
    }
    return root.spanContext();
  };
  let direct = 0;
  let directDebt = 0;
  let debt = 0;
  let lastMs = performance.now();
  const load = setInterval(() => {
    const nowMs = performance.now();
    debt += ((nowMs - lastMs) * rate) / 1_000;
    directDebt += (nowMs - lastMs) / DIRECT_EVERY_MS;
    lastMs = nowMs;
    for (; debt >= SPANS_EACH; debt -= SPANS_EACH) sendTrace(SPANS_EACH);
    for (; directDebt >= 1; directDebt -= 1) {
      publisher.publish({ kind: 'event', name: 'load.direct', attributes: { index: direct++ } });
    }
  }, TICK_MS);
  const settle = async (): Promise<void> => {
    // Rejects when spans were given back: `refused` has them.
    await provider.forceFlush().catch(() => undefined);
    while (acknowledged.size + refused.size < spans.size) await sleep(STEP_MS);
  };
  return {
    service,
    spans,
    acknowledged,
    refused,
    directCount: () => direct,
    async stop() {
      clearInterval(load);
      await Promise.all([settle(), publisher.flush()]);
    },
    async last() {
      for (;;) {
        const context = sendTrace(1);
        await settle();
        if (acknowledged.has(context.spanId)) return context;
      }
    },
    async close() {
      clearInterval(load);
      await Promise.all([provider.shutdown().catch(() => undefined), publisher.close()]);
    },
  };
}
