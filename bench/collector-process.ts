/**
 * One application that ends a span every 20 ms (100 where it batches): `<way> <count> <redis url> <feed> <otlp/grpc endpoint>`. Each span carries
 * the monotonic time of its end; `<trace id> <that time>` is printed too, for whoever asks Tempo.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { LiveSpanProcessor } from '../src/sdk/live-span-processor.ts';
import { createPublisher } from '../src/sdk/publisher.ts';

const [way = 'direct', count = '100', redisUrl = '', feed = '', otlp = ''] = process.argv.slice(2);
const isBatched = way.endsWith('-batched');
/** A batch leaves every five seconds: spans have to come from many of them. */
const PERIOD_MS = isBatched ? 100 : 20;
const BATCH_DELAY_MS = 5_000;

const publisher = way === 'direct' ? createPublisher({ url: redisUrl, feed }) : undefined;
const provider = new NodeTracerProvider({ spanProcessors: [processor()] });
const tracer = provider.getTracer('bench');
for (let index = 0; index < Number(count); index++) {
  const span = tracer.startSpan('bench.span');
  const sent = process.hrtime.bigint();
  span.setAttribute('sent', `sent-${sent}-${index}-`);
  span.end();
  process.stdout.write(`${span.spanContext().traceId} ${sent}\n`);
  await sleep(PERIOD_MS);
}
// Shutting down sends the last batch before its time.
if (isBatched) await sleep(BATCH_DELAY_MS + 500);
await provider.shutdown();
await publisher?.close();

function processor(): SpanProcessor {
  if (publisher !== undefined) return new LiveSpanProcessor(publisher);
  const exporter = new OTLPTraceExporter({ url: otlp });
  // At once, so that what is measured is the way and not the application's own batch.
  return isBatched ? new BatchSpanProcessor(exporter) : new SimpleSpanProcessor(exporter);
}
