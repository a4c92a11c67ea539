import type { EventEmitter } from 'node:events';
import type { Exchange } from './exchange.ts';
import { runInExchange } from './exchange-context.ts';

type Listener = (...args: unknown[]) => void;
type BoundListener = Listener & { listener?: Listener };

const bound = new WeakSet<EventEmitter>();

/**
 * Lets listeners added to a request or response from now on run inside its exchange: Node emits their events from the
 * socket's context, and an instrumentation that bound them before us knows neither the call id nor the exchange.
 */
export function bindListeners(emitter: EventEmitter, exchange: Exchange): void {
  if (bound.has(emitter)) return;
  bound.add(emitter);
  const wrappers = new WeakMap<Listener, BoundListener>();

  const wrap = (listener: BoundListener): BoundListener => {
    const known = wrappers.get(listener);
    if (known !== undefined) return known;
    const wrapper: BoundListener = function (this: unknown, ...args) {
      return runInExchange(exchange, () => listener.apply(this, args));
    };
    // `once` removes by the function that it added, an application by its own: EventEmitter compares both.
    wrapper.listener = listener.listener ?? listener;
    wrappers.set(listener, wrapper);
    return wrapper;
  };

  // `once` and `prependOnceListener` come through these.
  for (const method of ['on', 'addListener', 'prependListener'] as const) {
    const original = emitter[method];
    let inside = false;
    emitter[method] = function (this: EventEmitter, event: string | symbol, listener: Listener) {
      if (inside || typeof listener !== 'function') return original.call(this, event, listener);
      inside = true;
      try {
        return original.call(this, event, wrap(listener));
      } finally {
        inside = false;
      }
    } as typeof original;
  }
  for (const method of ['off', 'removeListener'] as const) {
    const original = emitter[method];
    emitter[method] = function (this: EventEmitter, event: string | symbol, listener: Listener) {
      const wrapper = wrappers.get(listener);
      if (wrapper === undefined) return original.call(this, event, listener);
      const before = this.listenerCount(event);
      original.call(this, event, wrapper);
      // It may be there by `once`, or from before.
      return this.listenerCount(event) < before ? this : original.call(this, event, listener);
    } as typeof original;
  }
}
