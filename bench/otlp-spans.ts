import { FLATTEN_LIMITS, noCuts } from '../src/activity/flatten.ts';
import { createRedactor } from '../src/activity/redaction.ts';
import { decodeMessage, encodeMessage } from '../test/otlp/schema.ts';

/** Spans of an HTTP service as an OpenTelemetry SDK sends them: about 450 bytes of JSON each on the feed. */
const RESOURCE = [
  attribute('service.name', 'gateway'),
  attribute('service.instance.id', 'gw-7c9f:4711-e1a0'),
  attribute('telemetry.sdk.language', 'nodejs'),
  attribute('telemetry.sdk.version', '2.12.0'),
];
const START_NS = 1_763_684_557_123_456_000n;

/** One request of `count` spans; `first` makes it (and each of its spans) unlike the others. */
export function tracesRequest(count: number, first: number): Buffer {
  return encodeMessage('TracesRequest', tracesMessage(count, first));
}

export function tracesMessage(count: number, first: number): object {
  const spans = Array.from({ length: count }, (_, index) => span(first + index));
  const scopeSpans = [{ scope: { name: '@opentelemetry/instrumentation-http', version: '0.223.0' }, spans }];
  return { resourceSpans: [{ resource: { attributes: RESOURCE }, scopeSpans }] };
}

function span(index: number): object {
  const startNs = START_NS + BigInt(index) * 1_000_000n;
  return {
    traceId: hexOf(index, 16),
    spanId: hexOf(index, 8),
    parentSpanId: hexOf(index + 1, 8),
    name: 'POST /v1/chat/completions',
    kind: 2,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + 42_123_000n),
    attributes: [
      attribute('http.request.method', 'POST'),
      attribute('http.route', '/v1/chat/completions'),
      attribute('http.response.status_code', 200),
      attribute('url.path', `/v1/chat/completions/${index}`),
      attribute('server.port', 8_080),
    ],
    status: { code: 1 },
  };
}

function attribute(key: string, value: string | number): object {
  return { key, value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) } };
}

function hexOf(index: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes, 0x5a);
  buffer.writeUInt32BE(index + 1, bytes - 4);
  return buffer;
}

interface PlainSpan {
  traceId: Buffer;
  spanId: Buffer;
  parentSpanId: Buffer;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: PlainPair[];
  events: unknown[];
  status?: { code?: number };
}
interface PlainPair {
  key: string;
  value?: Record<string, unknown>;
}

/** What one writes first: a generated decoder, an object a span, JSON.stringify. */
export function decodeNaively(bytes: Buffer): string[] {
  const request = decodeMessage('TracesRequest', bytes) as {
    resourceSpans: {
      resource: { attributes: PlainPair[] };
      scopeSpans: { scope: { name: string }; spans: PlainSpan[] }[];
    }[];
  };
  const jsons: string[] = [];
  for (const { resource, scopeSpans } of request.resourceSpans) {
    const shared = plain(resource.attributes);
    for (const { scope, spans } of scopeSpans) {
      for (const span of spans) jsons.push(JSON.stringify(activityOf(span, shared, scope.name)));
    }
  }
  return jsons;
}

let naiveCount = 0;

function activityOf(span: PlainSpan, resource: Record<string, unknown>, scope: string): object {
  const start = BigInt(span.startTimeUnixNano);
  const end = BigInt(span.endTimeUnixNano);
  return {
    id: `naive-${naiveCount++}`,
    kind: 'span.end',
    name: span.name,
    time: new Date(Number(end / 1_000_000n)).toISOString(),
    severity: 'info',
    service: resource['service.name'],
    instance: resource['service.instance.id'],
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.toString('hex'),
    spanKind: span.kind,
    status: span.status?.code,
    durationMs: Number(end - start) / 1e6,
    scope,
    eventCount: span.events.length,
    attributes: plain(span.attributes),
  };
}

function plain(pairs: PlainPair[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value = {} }) => [
      key,
      value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue),
    ]),
  );
}

/** A receiver's settings as the server has them, without a log. */
export function receiverOptions() {
  return {
    flatten: { limits: { ...FLATTEN_LIMITS }, redactor: createRedactor([]), counts: noCuts() },
    keepLive: false,
    nowUs: () => Date.now() * 1_000,
    heldBytesMax: 64 * 1_048_576,
    madeBytesMax: 64 * 1_048_576,
  };
}
