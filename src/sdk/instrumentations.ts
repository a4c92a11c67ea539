import plainHttp from 'node:http';
import tlsHttp from 'node:https';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { TracerProvider } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';

const require = createRequire(import.meta.url);

export interface Instrumented {
  /** The application has a provider of its own, and with it instrumentations of its own, or none. */
  yield(): void;
  disable(): void;
}

/**
 * Incoming and outgoing HTTP spans and `traceparent`, for `node:http` and for fetch. `node:http` is patched directly and not
 * through a require hook, nor
 * asked for by name: a hook of the application's would take that for the application's own first use of it.
 */
export function instrumentHttp(provider: TracerProvider): Instrumented {
  const { HttpInstrumentation, UndiciInstrumentation } = requirePrivately(() => ({
    ...(require('@opentelemetry/instrumentation-http') as typeof import('@opentelemetry/instrumentation-http')),
    ...(require('@opentelemetry/instrumentation-undici') as typeof import('@opentelemetry/instrumentation-undici')),
  }));
  const http = new HttpInstrumentation({ enabled: false });
  const undici = new UndiciInstrumentation();
  for (const instrumentation of [http, undici]) instrumentation.setTracerProvider(provider);
  const modules = http.getModuleDefinitions();
  for (const { name, patch } of modules) patch?.(name === 'https' ? tlsHttp : plainHttp);
  // So that an ESM application's `import { request }` is the patched one.
  syncBuiltinESMExports();
  const ours = patchedFunctions();

  function disable(): void {
    undici.disable();
    // An instrumentation of the application takes our wrapper off before it puts its own on, and unpatching would take
    // off whatever is there. What is not undone stays inert, because its tracer is.
    if (!patchedFunctions().every((fn, index) => fn === ours[index])) return;
    for (const { name, unpatch } of modules) unpatch?.(name === 'https' ? tlsHttp : plainHttp);
    syncBuiltinESMExports();
  }
  return { yield: disable, disable };
}

/** Enables what the user gave. */
export function instrument(instrumentations: readonly Instrumentation[], provider: TracerProvider): Instrumented {
  for (const instrumentation of instrumentations) {
    instrumentation.setTracerProvider(provider);
    if (instrumentation.getConfig().enabled === false) instrumentation.enable();
  }
  // Patches are applied when a module is required; an ESM application imports it without, and sees the names that
  // were synchronised last.
  for (const name of ['node:http', 'node:https']) require(name);
  syncBuiltinESMExports();
  return {
    yield: () => undefined,
    disable() {
      for (const instrumentation of instrumentations) instrumentation.disable();
    },
  };
}

const SHARED = /[\\/]@opentelemetry[\\/]instrumentation(-http|-undici)?[\\/]/;

/**
 * Instances of our own: all instrumentations that one copy of the base package makes share a require hook, which shows each
 * module once. With ours in that hook from the start, an `HttpInstrumentation` that the application makes later would never
 * be shown `http`, because something has required it by then.
 */
function requirePrivately<T>(load: () => T): T {
  const shared = Object.entries(require.cache).filter(([file]) => SHARED.test(file));
  const forget = () => {
    for (const file of Object.keys(require.cache)) if (SHARED.test(file)) delete require.cache[file];
  };
  forget();
  try {
    return load();
  } finally {
    forget();
    Object.assign(require.cache, Object.fromEntries(shared));
  }
}

function patchedFunctions(): unknown[] {
  return [plainHttp, tlsHttp].flatMap(({ request, get, Server }) => [request, get, Server.prototype.emit]);
}
