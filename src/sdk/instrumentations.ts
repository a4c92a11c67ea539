import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { TracerProvider } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';

const require = createRequire(import.meta.url);

export interface Instrumented {
  /** The application has a provider of its own, and with it instrumentations of its own, or none. */
  yield(): void;
  disable(): void;
}

/** Incoming and outgoing HTTP spans and `traceparent`, for `node:http` and for fetch. */
export function instrumentHttp(provider: TracerProvider): Instrumented {
  const { HttpInstrumentation } =
    require('@opentelemetry/instrumentation-http') as typeof import('@opentelemetry/instrumentation-http');
  const { UndiciInstrumentation } =
    require('@opentelemetry/instrumentation-undici') as typeof import('@opentelemetry/instrumentation-undici');
  const http = new HttpInstrumentation();
  const undici = new UndiciInstrumentation();
  const instrumented = instrument([http, undici], provider);
  const ours = patchedFunctions();
  return {
    yield() {
      undici.disable();
      // An instrumentation of the application takes our wrapper off before it puts its own on, and `disable` would take
      // off whatever is there. What is not undone stays inert, because its tracer is.
      if (patchedFunctions().every((fn, index) => fn === ours[index])) http.disable();
    },
    disable: instrumented.disable,
  };
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

function patchedFunctions(): unknown[] {
  return ['node:http', 'node:https'].flatMap((name) => {
    const module = require(name) as typeof import('node:http');
    return [module.request, module.get, module.Server.prototype.emit];
  });
}
