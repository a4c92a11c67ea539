import fc from 'fast-check';

/** Random OTLP messages, as objects for the oracle's encoder. */

const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => Buffer.from(array));
const nanos = fc.bigInt({ min: 0n, max: 4_102_444_800_000_000_000n }).map(String);
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);

const { anyValue } = fc.letrec<{ anyValue: object }>((tie) => ({
  anyValue: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.record({ stringValue: text }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)) }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('anyValue'), { maxLength: 4 }) }) }),
    fc.record({
      kvlistValue: fc.record({ values: fc.array(fc.record({ key: text, value: tie('anyValue') }), { maxLength: 4 }) }),
    }),
  ),
}));

export const attributes = fc.array(fc.record({ key: text, value: anyValue }), { maxLength: 6 });
const resource = fc.record({ attributes });
const scope = fc.record({ name: text, version: text });

const event = fc.record({ timeUnixNano: nanos, name: text, attributes });
const span = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: fc.oneof(hex(8), fc.constant(Buffer.alloc(0))),
  name: text,
  kind: fc.integer({ min: 0, max: 5 }),
  startTimeUnixNano: nanos,
  endTimeUnixNano: nanos,
  attributes,
  droppedAttributesCount: fc.nat({ max: 2 ** 31 - 1 }),
  events: fc.array(event, { maxLength: 3 }),
  droppedEventsCount: fc.nat({ max: 300 }),
  links: fc.array(fc.record({ traceId: hex(16), spanId: hex(8), attributes }), { maxLength: 2 }),
  status: fc.record({ message: text, code: fc.integer({ min: 0, max: 2 }) }),
  flags: fc.nat(),
});
const logRecord = fc.record({
  timeUnixNano: nanos,
  observedTimeUnixNano: nanos,
  severityNumber: fc.integer({ min: 0, max: 24 }),
  severityText: text,
  body: anyValue,
  attributes,
  droppedAttributesCount: fc.nat({ max: 300 }),
  traceId: hex(16),
  spanId: hex(8),
  eventName: text,
});
const numberPoint = fc.record({
  attributes,
  startTimeUnixNano: nanos,
  timeUnixNano: nanos,
  asInt: int64,
});
const histogramPoint = fc.record({
  attributes,
  timeUnixNano: nanos,
  count: fc.nat().map(String),
  sum: fc.double(),
  bucketCounts: fc.array(fc.nat().map(String), { maxLength: 6 }),
  explicitBounds: fc.array(fc.double(), { maxLength: 5 }),
});
const metric = fc.oneof(
  fc.record({ name: text, unit: text, gauge: fc.record({ dataPoints: fc.array(numberPoint, { maxLength: 3 }) }) }),
  fc.record({
    name: text,
    description: text,
    sum: fc.record({
      dataPoints: fc.array(numberPoint, { maxLength: 3 }),
      aggregationTemporality: fc.integer({ min: 0, max: 2 }),
      isMonotonic: fc.boolean(),
    }),
  }),
  fc.record({ name: text, histogram: fc.record({ dataPoints: fc.array(histogramPoint, { maxLength: 3 }) }) }),
);

const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 3 });

export const tracesRequest = fc.record({
  resourceSpans: few(fc.record({ resource, scopeSpans: few(fc.record({ scope, spans: few(span) })) })),
});
export const logsRequest = fc.record({
  resourceLogs: few(fc.record({ resource, scopeLogs: few(fc.record({ scope, logRecords: few(logRecord) })) })),
});
export const metricsRequest = fc.record({
  resourceMetrics: few(fc.record({ resource, scopeMetrics: few(fc.record({ scope, metrics: few(metric) })) })),
});
