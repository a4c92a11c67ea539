import { warnOnce } from '../diag.ts';
import { runUnheld } from './export-sockets.ts';
import type { SignalSettings } from './otel-environment.ts';
import type { ExportOutcome } from './span-types.ts';

/** An exporter of spans or of log records. */
export interface Exporter<T> {
  export(items: T[], resultCallback: (result: ExportOutcome) => void): void;
  shutdown(): Promise<void>;
  forceFlush(): Promise<void>;
}

/** Batches under way that are answered for at once: with the SDK's default of 512 a batch, twice what its queue holds. */
const EARLY_MAX = 8;

/**
 * `exporter`, detached from the application's life: it keeps no process alive, and its first failure is said as a warning
 * of the process (the SDK tells it to OpenTelemetry's diagnostics, which nobody sees by default).
 *
 * The SDK's batch processors hold a timer until an export has answered, so they get their answer at once, and wait only
 * where too many are under way; `forceFlush` and `shutdown` wait for all.
 */
export function detach<T>(exporter: Exporter<T>, what: 'spans' | 'log records', to: SignalSettings): Exporter<T> {
  let inFlight = 0;

  function tell(reason: string): void {
    warnOnce(
      what === 'spans' ? 'LIVESPAN_OTLP_TRACES' : 'LIVESPAN_OTLP_LOGS',
      `OTLP: ${what} could not be exported to ${to.endpoint} (${reason}). The live feed goes on without. ` +
        'OTEL_EXPORTER_OTLP_ENDPOINT and _PROTOCOL name another place, OTEL_TRACES_EXPORTER=none exports nothing.',
    );
  }

  return {
    export(items, resultCallback) {
      inFlight += 1;
      const early = inFlight <= EARLY_MAX;
      runUnheld(() =>
        exporter.export(items, (result) => {
          inFlight -= 1;
          if (result.code !== 0) tell(result.error?.message.split('\n', 1)[0] || 'no reason given');
          if (!early) resultCallback(result);
        }),
      );
      if (early) resultCallback({ code: 0 });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}
