import {
  anyValueAt,
  attributesAt,
  countAt,
  hexAt,
  JsonShapeError,
  listAt,
  nanosAt,
  objectAt,
  textAt,
} from './json-values.ts';
import { EVENTS_MAX, type EventRecord, type LogRecord, type Source, type Sourced, type SpanRecord } from './records.ts';

type Json = Record<string, unknown>;

/** Names of one signal's lists in OTLP/JSON. */
interface Names {
  sections: string;
  scopes: string;
  records: string;
}

const TRACES: Names = { sections: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' };
const LOGS: Names = { sections: 'resourceLogs', scopes: 'scopeLogs', records: 'logRecords' };

/** @throws JsonShapeError with the path of the member that is wrong */
export function readJsonSpans(request: unknown): Generator<Sourced<SpanRecord>> {
  return readJsonSections(request, TRACES, readSpan);
}

export function readJsonLogs(request: unknown): Generator<Sourced<LogRecord>> {
  return readJsonSections(request, LOGS, readLog);
}

/** The frame that all signals share; see `readSections` for its twin in protobuf. */
export function* readJsonSections<T>(
  request: unknown,
  names: Names,
  read: (record: Json, path: string) => T,
): Generator<Sourced<T>> {
  const root = objectAt(request, '$');
  if (root === undefined) throw new JsonShapeError('$', 'an object');
  for (const [index, section] of listAt(root[names.sections], names.sections).entries()) {
    const at = `${names.sections}[${index}]`;
    const members = objectAt(section, at) ?? {};
    const resource = attributesAt(
      objectAt(members.resource, `${at}.resource`)?.attributes,
      `${at}.resource.attributes`,
    );
    for (const [inner, scope] of listAt(members[names.scopes], `${at}.${names.scopes}`).entries()) {
      yield* readJsonScope(scope, `${at}.${names.scopes}[${inner}]`, resource, names, read);
    }
  }
}

function* readJsonScope<T>(
  value: unknown,
  at: string,
  resource: Source['resource'],
  names: Names,
  read: (record: Json, path: string) => T,
): Generator<Sourced<T>> {
  const scope = objectAt(value, at) ?? {};
  const source: Source = { resource, scope: textAt(objectAt(scope.scope, `${at}.scope`)?.name, `${at}.scope.name`) };
  for (const [index, record] of listAt(scope[names.records], `${at}.${names.records}`).entries()) {
    const path = `${at}.${names.records}[${index}]`;
    yield { source, record: read(objectAt(record, path) ?? {}, path) };
  }
}

function readSpan(span: Json, at: string): SpanRecord {
  const events = listAt(span.events, `${at}.events`);
  const status = objectAt(span.status, `${at}.status`);
  return {
    traceId: hexAt(span.traceId, `${at}.traceId`),
    spanId: hexAt(span.spanId, `${at}.spanId`),
    parentSpanId: hexAt(span.parentSpanId, `${at}.parentSpanId`),
    name: textAt(span.name, `${at}.name`),
    kind: countAt(span.kind, `${at}.kind`),
    startUs: nanosAt(span.startTimeUnixNano, `${at}.startTimeUnixNano`),
    endUs: nanosAt(span.endTimeUnixNano, `${at}.endTimeUnixNano`),
    attributes: attributesAt(span.attributes, `${at}.attributes`),
    events: events.slice(0, EVENTS_MAX).map((event, index) => readEvent(event, `${at}.events[${index}]`)),
    droppedAttributes: countAt(span.droppedAttributesCount, `${at}.droppedAttributesCount`),
    droppedEvents: countAt(span.droppedEventsCount, `${at}.droppedEventsCount`),
    unreadEvents: Math.max(0, events.length - EVENTS_MAX),
    links: listAt(span.links, `${at}.links`).length,
    droppedLinks: countAt(span.droppedLinksCount, `${at}.droppedLinksCount`),
    statusCode: countAt(status?.code, `${at}.status.code`),
    statusMessage: textAt(status?.message, `${at}.status.message`),
  };
}

function readEvent(value: unknown, at: string): EventRecord {
  const event = objectAt(value, at) ?? {};
  return {
    timeUs: nanosAt(event.timeUnixNano, `${at}.timeUnixNano`),
    name: textAt(event.name, `${at}.name`),
    attributes: attributesAt(event.attributes, `${at}.attributes`),
    droppedAttributes: countAt(event.droppedAttributesCount, `${at}.droppedAttributesCount`),
  };
}

function readLog(log: Json, at: string): LogRecord {
  return {
    timeUs: nanosAt(log.timeUnixNano, `${at}.timeUnixNano`),
    observedUs: nanosAt(log.observedTimeUnixNano, `${at}.observedTimeUnixNano`),
    severityNumber: countAt(log.severityNumber, `${at}.severityNumber`),
    severityText: textAt(log.severityText, `${at}.severityText`),
    body: anyValueAt(log.body, `${at}.body`),
    attributes: attributesAt(log.attributes, `${at}.attributes`),
    droppedAttributes: countAt(log.droppedAttributesCount, `${at}.droppedAttributesCount`),
    traceId: hexAt(log.traceId, `${at}.traceId`),
    spanId: hexAt(log.spanId, `${at}.spanId`),
    eventName: textAt(log.eventName, `${at}.eventName`),
  };
}
