import { warnOnce } from '../diag.ts';
import type { SignalSettings } from './otel-environment.ts';
import type { ExportOutcome } from './span-types.ts';

/** An exporter of spans or of log records. */
export interface Exporter<T> {
  export(items: T[], resultCallback: (result: ExportOutcome) => void): void;
  shutdown(): Promise<void>;
  forceFlush(): Promise<void>;
}

/**
 * `exporter`, which says its first failure as a warning of the process: the SDK tells only OpenTelemetry's diagnostics,
 * and nobody sees those by default.
 */
export function tellFailure<T>(exporter: Exporter<T>, what: 'spans' | 'log records', to: SignalSettings): Exporter<T> {
  return {
    export: (items, resultCallback) =>
      exporter.export(items, (result) => {
        if (result.code !== 0) {
          const reason = result.error?.message.split('\n', 1)[0] || 'no reason given';
          warnOnce(
            what === 'spans' ? 'LIVESPAN_OTLP_TRACES' : 'LIVESPAN_OTLP_LOGS',
            `OTLP: ${what} could not be exported to ${to.endpoint} (${reason}). The live feed goes on without. ` +
              `OTEL_EXPORTER_OTLP_ENDPOINT and _PROTOCOL name another place, OTEL_TRACES_EXPORTER=none exports nothing.`,
          );
        }
        resultCallback(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}
