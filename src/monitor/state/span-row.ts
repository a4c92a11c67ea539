import type { Activity, Severity } from '../../activity/activity.ts';
import { parseTimeUs } from '../../activity/time.ts';
import { formatSeconds } from './figures.ts';
import type { Entry, LostMark, SpanRow } from './model.ts';

/** Trace and span id: a span id alone is unique in its trace only. */
export function spanKey(traceId: string | undefined, spanId: string): string {
  return `${traceId ?? ''}/${spanId}`;
}

export function timeUsOf(activity: Activity): number {
  return parseTimeUs(activity.time) ?? 0;
}

export function isError(activity: Activity): boolean {
  return isErrorSeverity(activity.severity) || activity.status === 'error';
}

function isErrorSeverity(severity: Severity): boolean {
  return severity === 'error' || severity === 'fatal';
}

/** What a span is called: without a route an HTTP span is named by its method alone, which tells nothing apart. */
export function titleOf(row: SpanRow): string {
  const path = pathOf(row);
  return path === undefined ? row.name : `${row.name} ${path}`;
}

/** The path that the name of an HTTP span lacks, for a client with the host: both sides of a hop have the same path. */
export function pathOf({ name, start, end }: SpanRow): string | undefined {
  if (!/^[A-Z]+$/.test(name)) return undefined;
  const { spanKind, attributes } = (start ?? end)?.activity ?? {};
  const path = attributes?.['http.route'] ?? attributes?.['url.path'] ?? '';
  if (spanKind !== 'client') return path === '' ? undefined : `${path}`;
  const { 'server.address': host, 'server.port': port } = attributes ?? {};
  return [host, port && `:${port}`, path].filter(Boolean).join('') || undefined;
}

/** What an event or log record says; the conventions put the words of an exception into its attributes. */
export function sayingOf({ name, summary, attributes }: Activity): string {
  if (summary !== undefined) return summary;
  const { 'exception.type': type, 'exception.message': message } = attributes;
  return name === 'exception' && (type ?? message) !== undefined ? [type, message].filter(Boolean).join(': ') : name;
}

/** What is known of a lost span in place of how long it took. */
export function lossWords(lost: LostMark | undefined, nowMs: number): string {
  if (lost?.why === 'stopped') return 'instance stopped';
  return lost?.sinceMs === undefined ? 'fell silent' : `silent for ${formatSeconds(nowMs - lost.sinceMs)}`;
}

export function newSpanRow(activity: Activity, spanId: string): SpanRow {
  const timeUs = timeUsOf(activity);
  return {
    type: 'span',
    key: spanKey(activity.traceId, spanId),
    revision: 0,
    state: 'running',
    sawStart: false,
    name: activity.name,
    service: activity.service,
    instance: activity.instance,
    callId: activity.callId,
    traceId: activity.traceId,
    spanId,
    parentSpanId: activity.parentSpanId,
    severity: activity.severity,
    startUs: timeUs,
    endUs: undefined,
    durationMs: undefined,
    nested: [],
    nestedCount: 0,
    nestedErrorCount: 0,
    start: undefined,
    end: undefined,
    lost: undefined,
  };
}

/** A start that comes after its end (another partition, a replay) adds what it knows and does not make the span run again. */
export function startSpan(row: SpanRow, entry: Entry): void {
  row.revision += 1;
  row.start = entry;
  row.sawStart = true;
  row.startUs = timeUsOf(entry.activity);
  if (row.end === undefined) adopt(row, entry.activity);
}

export function endSpan(row: SpanRow, entry: Entry): void {
  const { activity } = entry;
  row.revision += 1;
  row.end = entry;
  row.state = isError(activity) ? 'error' : 'ok';
  row.lost = undefined;
  adopt(row, activity);
  row.endUs = timeUsOf(activity);
  row.durationMs = activity.durationMs ?? (row.sawStart ? Math.max(0, (row.endUs - row.startUs) / 1_000) : undefined);
  if (!row.sawStart) row.startUs = row.endUs - Math.round((row.durationMs ?? 0) * 1_000);
}

export function nest(row: SpanRow, entry: Entry, countMax: number): void {
  row.revision += 1;
  row.nestedCount += 1;
  if (isError(entry.activity)) row.nestedErrorCount += 1;
  row.nested.push(entry);
  if (row.callId === undefined) row.callId = entry.activity.callId;
  if (row.nested.length <= countMax) return;
  const dispensable = row.nested.findIndex(({ activity }) => !isError(activity));
  row.nested.splice(Math.max(0, dispensable), 1);
}

function adopt(row: SpanRow, activity: Activity): void {
  row.name = activity.name;
  row.severity = activity.severity;
  row.service = activity.service ?? row.service;
  row.instance = activity.instance ?? row.instance;
  row.callId = activity.callId ?? row.callId;
  row.parentSpanId = activity.parentSpanId ?? row.parentSpanId;
}
