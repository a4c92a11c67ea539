import { AsyncLocalStorage } from 'node:async_hooks';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';

/** The key by which OpenTelemetry's core marks a context as suppressed; keys are global symbols made from this text. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const SUPPRESSED = ROOT_CONTEXT.setValue(SUPPRESS_TRACING, true);

/** Taken when the module loads: outside of any request, so that our sockets and timers keep no request's stores alive. */
const outside = AsyncLocalStorage.snapshot();

/** Runs our own I/O in the root context with tracing suppressed: it is in no trace and nobody's upstream call. */
export function runUntraced<T>(fn: () => T): T {
  return outside(() => context.with(SUPPRESSED, fn));
}
