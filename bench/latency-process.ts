/**
 * One process: the server (`serve <redis url> <feed>`, prints its URL and stays) or an application that emits
 * (`<mode> <count> <target url> <feed> <otlp endpoint>`), each item carrying the monotonic time of its call.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, NodeTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { emitEvent } from '../src/sdk/emitter.ts';
import { LiveSpanExporter } from '../src/sdk/live-span-exporter.ts';
import { LiveSpanProcessor } from '../src/sdk/live-span-processor.ts';
import { createPublisher, registerPublisher } from '../src/sdk/publisher.ts';
import { createServer } from '../src/server/index.ts';

const [mode = 'helper', countText = '300', url = '', feed = 'livespan:bench', otlp = ''] = process.argv.slice(2);
const PERIOD_MS = 10;

if (mode === 'serve') {
  const server = await createServer({ url: countText, feed: url, port: 0 });
  process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
  process.on('SIGTERM', () => void server.close().then(() => process.exit(0)));
} else await emit(Number(countText));

function processors(publisher: ReturnType<typeof createPublisher>): SpanProcessor[] {
  switch (mode) {
    case 'processor':
      return [new LiveSpanProcessor(publisher)];
    case 'exporter':
      return [new BatchSpanProcessor(new LiveSpanExporter(publisher), { scheduledDelayMillis: 100 })];
    case 'otlp-default':
      return [new BatchSpanProcessor(new OTLPTraceExporter({ url: otlp }))];
    case 'otlp-100ms':
      return [new BatchSpanProcessor(new OTLPTraceExporter({ url: otlp }), { scheduledDelayMillis: 100 })];
    default:
      return [];
  }
}

async function emit(count: number): Promise<void> {
  const publisher = createPublisher({ url, feed, events: mode === 'log' ? 'log' : 'span' });
  registerPublisher(mode === 'otlp-default' || mode === 'otlp-100ms' || mode === 'log' ? undefined : publisher);
  const provider = new NodeTracerProvider({ spanProcessors: processors(publisher) });
  provider.register();
  const logger = new LoggerProvider({
    processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: otlp }) })],
  });
  logs.setGlobalLoggerProvider(logger);
  const tracer = trace.getTracer('bench');
  // The first items open connections; the reader of the figures leaves them out.
  for (let index = 0; index < count; index++) {
    const span = tracer.startSpan('bench.span');
    const sent = (): string => `sent-${process.hrtime.bigint()}-${index}-`;
    if (mode === 'helper')
      context.with(trace.setSpan(context.active(), span), () => emitEvent('bench.event', { data: { sent: sent() } }));
    else if (mode === 'log') logs.getLogger('bench').emit({ eventName: 'bench.event', attributes: { sent: sent() } });
    else span.setAttribute('sent', sent());
    span.end();
    await sleep(PERIOD_MS);
  }
  // The last batch of an exporter comes with its shutdown.
  await Promise.all([provider.shutdown(), logger.shutdown()]);
  await publisher.close();
  process.stdout.write('{}\n');
}
