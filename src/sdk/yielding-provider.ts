import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanOptions,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

/** Tracers of ours are handed out for good (libraries keep them), so each asks at every span whose turn it is. */
export interface YieldingProvider extends TracerProvider {
  /** From now on every tracer handed out before is one of `successor`; undefined makes them inert. */
  yieldTo(successor: TracerProvider | undefined): void;
}

const INERT: TracerProvider = { getTracer: () => INERT_TRACER };

/** A provider that is `own` until it yields. Tracers that it gave out follow it, whoever holds them. */
export function createYieldingProvider(own: TracerProvider): YieldingProvider {
  let successor: TracerProvider | undefined = own;
  const provider: YieldingProvider = {
    getTracer: (name, version, options) => createTracer(current, name, version, options),
    yieldTo(next) {
      successor = next;
    },
  };
  return provider;

  function current(): TracerProvider {
    if (successor === undefined) return INERT;
    const behind = delegateOf(successor);
    // An application may register again what it got from the API, and that is this very provider.
    return behind === provider ? own : behind;
  }
}

/** The API registers a proxy first and gives it the real provider a moment later. */
function delegateOf(provider: TracerProvider): TracerProvider {
  const proxy = provider as TracerProvider & { getDelegate?: () => TracerProvider };
  return typeof proxy.getDelegate === 'function' ? proxy.getDelegate() : provider;
}

function createTracer(
  current: () => TracerProvider,
  name: string,
  version: string | undefined,
  options: TracerOptions | undefined,
): Tracer {
  let from: TracerProvider | undefined;
  let cached: Tracer = INERT_TRACER;
  const tracer = (): Tracer => {
    const provider = current();
    if (provider !== from) {
      cached = provider.getTracer(name, version, options);
      from = provider;
    }
    return cached;
  };
  return {
    startSpan: (spanName, spanOptions, from) => tracer().startSpan(spanName, spanOptions, from),
    startActiveSpan(...args: unknown[]) {
      const target = tracer();
      return Reflect.apply(target.startActiveSpan, target, args);
    },
  };
}

/** What a tracer does where nobody traces: the parent goes on, nothing is recorded. */
const INERT_TRACER: Tracer = {
  startSpan: (_name: string, options?: SpanOptions, from: Context = context.active()): Span =>
    trace.wrapSpanContext((options?.root ? undefined : trace.getSpanContext(from)) ?? INVALID_SPAN_CONTEXT),
  startActiveSpan(...args: unknown[]) {
    const fn = args.at(-1) as (span: Span) => unknown;
    const from = args.length > 3 ? (args[2] as Context) : context.active();
    const options = args.length > 2 ? (args[1] as SpanOptions) : undefined;
    const span = INERT_TRACER.startSpan('', options, from);
    return context.with(trace.setSpan(from, span), fn, undefined, span) as never;
  },
};
