import { type DiagLogger, diag } from '@opentelemetry/api';

/** Details for whoever turned OpenTelemetry's diagnostics on (`OTEL_LOG_LEVEL` or `diag.setLogger`). */
export const log: DiagLogger = diag.createComponentLogger({ namespace: 'livespan' });

const warned = new Set<string>();

/**
 * Says one sentence once a process, also where no diag logger is set: through Node's own warnings, which an application
 * can list, redirect or silence (`--disable-warning`, `process.on('warning')`).
 * @param code stable, upper snake case, e.g. `LIVESPAN_LOG_UNREACHABLE`
 */
export function warnOnce(code: string, message: string): void {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(message, { type: 'LivespanWarning', code });
}
