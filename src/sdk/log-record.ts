import { createRequire } from 'node:module';
import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import type { Attributes, Severity } from '../activity/activity.ts';
import { toHrTime } from './clock.ts';

export interface EventRecord {
  name: string;
  severity: Severity;
  summary: string | undefined;
  attributes: Attributes;
  timeUs: number;
  span: Span | undefined;
}

type LogsApi = typeof import('@opentelemetry/api-logs');

/** First of each band of the log data model. */
const SEVERITY_NUMBERS: Record<Severity, number> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

let api: LogsApi | undefined;

/**
 * The event as a log record with an event name, to the application's LoggerProvider (OpenTelemetry logs data model). The
 * logs API is loaded at the first one: applications that stay with span events never pay for it.
 */
export function emitLogRecord({ name, severity, summary, attributes, timeUs, span }: EventRecord): void {
  api ??= createRequire(import.meta.url)('@opentelemetry/api-logs') as LogsApi;
  // The provider may be set at any time, so the logger is asked for each time; the SDK keeps one a scope.
  api.logs.getLogger('livespan').emit({
    eventName: name,
    severityNumber: SEVERITY_NUMBERS[severity],
    severityText: severity.toUpperCase(),
    ...(summary !== undefined && { body: summary }),
    attributes,
    timestamp: toHrTime(timeUs),
    context: span === undefined ? context.active() : trace.setSpan(ROOT_CONTEXT, span),
  });
}
