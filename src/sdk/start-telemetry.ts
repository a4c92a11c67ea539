import { loadModule } from './load-module.ts';
import type { Telemetry, TelemetryOptions } from './telemetry.ts';

type Module = typeof import('./telemetry.ts');

/**
 * Sets OpenTelemetry and the live feed up, from the options and the environment (`OTEL_*`, `LIVESPAN_*`): traces to an
 * OTLP endpoint, everything also to the feed. Synchronous; connections come with the first span or event. Where the
 * application has a tracer provider already, that one stays and only `emitEvent` is set up.
 * @returns the running set-up, also at a second call
 * @throws LivespanError `invalid_option`
 */
export function startTelemetry(options: TelemetryOptions = {}): Telemetry {
  return loadModule<Module>(import.meta.url, './telemetry').startTelemetry(options);
}
