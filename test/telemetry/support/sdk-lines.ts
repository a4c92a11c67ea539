import { createRequire } from 'node:module';
import type { Tracer } from '@opentelemetry/api';
import type { SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { LiveSpanExporter } from '../../../src/sdk/live-span-exporter.ts';
import type { LiveSpanProcessor } from '../../../src/sdk/live-span-processor.ts';

const require = createRequire(import.meta.url);

interface ProviderOptions {
  processors: readonly (LiveSpanProcessor | SpanProcessor)[];
  recordOnly?: boolean;
  resource?: Record<string, string | boolean>;
  spanLimits?: Record<string, number>;
}
interface Line {
  name: string;
  /** A tracer of a provider of that line. */
  tracer(options: ProviderOptions, scope?: string): Tracer;
  /** An exporter behind the line's simple processor. */
  simple(exporter: LiveSpanExporter | SpanExporter): SpanProcessor;
  batch(exporter: LiveSpanExporter | SpanExporter): SpanProcessor;
}

type Any2 = typeof import('@opentelemetry/sdk-trace-node');
type Any3 = typeof import('otel3-sdk-trace');

/** The same tests on both lines of the SDK; each checks that types fit by passing what an application would pass. */
export const LINES: readonly Line[] = [line2(), line3()];

function line2(): Line {
  const sdk = require('@opentelemetry/sdk-trace-node') as Any2;
  const { resourceFromAttributes } = require('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
  return {
    name: '2.x',
    tracer: ({ processors, recordOnly, resource, spanLimits }, scope = 'test') =>
      new sdk.NodeTracerProvider({
        spanProcessors: [...processors],
        ...(recordOnly && { sampler: { shouldSample: () => ({ decision: sdk.SamplingDecision.RECORD }) } }),
        ...(resource && { resource: resourceFromAttributes(resource) }),
        ...(spanLimits && { spanLimits }),
      }).getTracer(scope),
    simple: (exporter) => new sdk.SimpleSpanProcessor(exporter),
    batch: (exporter) => new sdk.BatchSpanProcessor(exporter),
  };
}

function line3(): Line {
  const sdk = require('otel3-sdk-trace') as Any3;
  // The 3.x resources stand beside the 3.x SDK, not at the root.
  const beside = createRequire(require.resolve('otel3-sdk-trace'));
  const { resourceFromAttributes } = beside('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
  return {
    name: '3.x',
    tracer: ({ processors, recordOnly, resource, spanLimits }, scope = 'test') =>
      new sdk.TracerProvider({
        spanProcessors: [...processors] as LiveSpanProcessor[],
        ...(recordOnly && { sampler: { shouldSample: () => ({ decision: sdk.SamplingDecision.RECORD }) } }),
        ...(resource && { resource: resourceFromAttributes(resource) as never }),
        ...(spanLimits && { spanLimits }),
      }).getTracer(scope),
    simple: (exporter) =>
      new sdk.SimpleSpanProcessor({ exporter: exporter as LiveSpanExporter }) as unknown as SpanProcessor,
    batch: (exporter) =>
      new sdk.BatchSpanProcessor({ exporter: exporter as LiveSpanExporter }) as unknown as SpanProcessor,
  };
}
