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
const scope = fc.record({ name: text, version: text, attributes });

const uint32 = fc.nat({ max: 2 ** 32 - 1 });

const event = fc.record({ timeUnixNano: nanos, name: text, attributes, droppedAttributesCount: uint32 });
const span = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: fc.oneof(hex(8), fc.constant(Buffer.alloc(0))),
  name: text,
  kind: fc.integer({ min: 0, max: 5 }),
  startTimeUnixNano: nanos,
  endTimeUnixNano: nanos,
  attributes,
  droppedAttributesCount: uint32,
  events: fc.array(event, { maxLength: 3 }),
  droppedEventsCount: fc.nat({ max: 300 }),
  links: fc.array(fc.record({ traceId: hex(16), spanId: hex(8), attributes }), { maxLength: 2 }),
  droppedLinksCount: uint32,
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
const uint64 = fc.oneof(fc.nat().map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(String);
const times = { startTimeUnixNano: nanos, timeUnixNano: nanos };
const exemplars = fc.array(
  fc.record({ filteredAttributes: attributes, timeUnixNano: nanos, spanId: hex(8), traceId: hex(16), asInt: int64 }),
  { maxLength: 2 },
);
const numberPoint = fc.oneof(
  fc.record({ attributes, ...times, exemplars, asInt: int64 }),
  fc.record({ attributes, ...times, asDouble: fc.double() }),
);
/** A point may have its sum and its range, or not. */
const requiredKeys: ('attributes' | 'timeUnixNano' | 'count')[] = ['attributes', 'timeUnixNano', 'count'];
const counted = { attributes, ...times, count: uint64, sum: fc.double() };
const range = { min: fc.double(), max: fc.double(), exemplars };
const histogramPoint = fc.record(
  {
    ...counted,
    ...range,
    bucketCounts: fc.array(uint64, { maxLength: 6 }),
    explicitBounds: fc.array(fc.double(), { maxLength: 5 }),
  },
  { requiredKeys },
);
const buckets = fc.record({
  offset: fc.integer({ min: -300, max: 300 }),
  bucketCounts: fc.array(uint64, { maxLength: 4 }),
});
const exponentialPoint = fc.record(
  {
    ...counted,
    ...range,
    scale: fc.integer({ min: -10, max: 20 }),
    zeroCount: uint64,
    positive: buckets,
    negative: buckets,
    zeroThreshold: fc.double(),
  },
  { requiredKeys },
);
const summaryPoint = fc.record(
  { ...counted, quantileValues: fc.array(fc.record({ quantile: fc.double(), value: fc.double() }), { maxLength: 3 }) },
  { requiredKeys },
);
const aggregationTemporality = fc.integer({ min: 0, max: 2 });
const metric = fc.oneof(
  fc.record({ name: text, unit: text, gauge: fc.record({ dataPoints: fc.array(numberPoint, { maxLength: 3 }) }) }),
  fc.record({
    name: text,
    description: text,
    sum: fc.record({
      dataPoints: fc.array(numberPoint, { maxLength: 3 }),
      aggregationTemporality,
      isMonotonic: fc.boolean(),
    }),
  }),
  fc.record({
    name: text,
    histogram: fc.record({ dataPoints: fc.array(histogramPoint, { maxLength: 3 }), aggregationTemporality }),
  }),
  fc.record({
    name: text,
    exponentialHistogram: fc.record({
      dataPoints: fc.array(exponentialPoint, { maxLength: 3 }),
      aggregationTemporality,
    }),
  }),
  fc.record({ name: text, summary: fc.record({ dataPoints: fc.array(summaryPoint, { maxLength: 3 }) }) }),
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
