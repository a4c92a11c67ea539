import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Exchange } from './exchange.ts';

const EXCHANGE_KEY = createContextKey('livespan.exchange');
/** The key of `suppressTracing` in `@opentelemetry/core`; keys are global symbols, so every copy of it agrees. */
const SUPPRESSED_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Carries the exchange only where the application has no OpenTelemetry context manager. */
const storage = new AsyncLocalStorage<Exchange>();

/** Whether a context manager is registered: without one `context.with` does not make its context active. */
export function hasContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(EXCHANGE_KEY, undefined);
  return context.with(probe, () => context.active() === probe);
}

export function withExchange(from: Context, exchange: Exchange): Context {
  return from.setValue(EXCHANGE_KEY, exchange);
}

/** Runs `fn` inside the exchange; what `fn` throws or returns passes through. */
export function runInExchange<T>(exchange: Exchange, fn: () => T): T {
  return exchange.managed ? context.with(exchange.context, fn) : storage.run(exchange, fn);
}

/** The rest of this execution belongs to the exchange: for `node:http` handlers that give no `next`. */
export function enterExchange(exchange: Exchange): void {
  storage.enterWith(exchange);
}

/** The exchange in which the caller runs, unless tracing is suppressed there. */
export function currentExchange(): Exchange | undefined {
  const active = context.active();
  if (active.getValue(SUPPRESSED_KEY) === true) return undefined;
  return (active.getValue(EXCHANGE_KEY) as Exchange | undefined) ?? storage.getStore();
}
