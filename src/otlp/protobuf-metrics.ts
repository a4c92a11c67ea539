import { ProtobufReader, WIRE } from './protobuf-reader.ts';
import { readSections } from './protobuf-sections.ts';
import { readKeyValue } from './protobuf-values.ts';
import type { MetricHistogram, MetricPoint, MetricRecord, Sourced } from './records.ts';

/**
 * Reads an `ExportMetricsServiceRequest` (collector/metrics/v1), metric after metric.
 * @throws ProtobufError where the bytes are no such message
 */
export function readProtobufMetrics(bytes: Buffer): Generator<Sourced<MetricRecord>> {
  return readSections(new ProtobufReader(bytes), readMetric);
}

const TYPES: Readonly<Record<number, MetricRecord['type']>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'exponential_histogram',
  11: 'summary',
};

/** `Metric` of metrics.proto. */
function readMetric(reader: ProtobufReader): MetricRecord {
  const outer = reader.enter();
  const metric: MetricRecord = {
    name: '',
    description: '',
    unit: '',
    type: 'gauge',
    monotonic: false,
    temporality: 0,
    points: [],
  };
  while (reader.next()) {
    const type = reader.is(WIRE.length) ? TYPES[reader.field] : undefined;
    if (type !== undefined) readData(reader, metric, type);
    else if (reader.at(1, WIRE.length)) metric.name = reader.interned();
    else if (reader.at(2, WIRE.length)) metric.description = reader.interned();
    else if (reader.at(3, WIRE.length)) metric.unit = reader.interned();
    else reader.skip();
  }
  reader.leave(outer);
  return metric;
}

/** `Gauge`, `Sum`, `Histogram` …: points in field 1, temporality in 2, `is_monotonic` in 3. */
function readData(reader: ProtobufReader, metric: MetricRecord, type: MetricRecord['type']): void {
  const outer = reader.enter();
  // Of a `oneof` the last one stays; one that comes twice is merged.
  if (metric.type !== type) Object.assign(metric, { type, monotonic: false, temporality: 0, points: [] });
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) metric.points.push(READ_POINT[type](reader));
    else if (reader.at(2, WIRE.varint)) metric.temporality = reader.varint();
    else if (reader.at(3, WIRE.varint)) metric.monotonic = reader.bool();
    else reader.skip();
  }
  reader.leave(outer);
}

const READ_POINT: Readonly<Record<MetricRecord['type'], (reader: ProtobufReader) => MetricPoint>> = {
  gauge: readNumberPoint,
  sum: readNumberPoint,
  histogram: readHistogramPoint,
  exponential_histogram: (reader) => readCounted(reader, EXPONENTIAL),
  summary: (reader) => readCounted(reader, SUMMARY),
};

function emptyPoint(): MetricPoint {
  return { attributes: {}, startUs: 0, timeUs: 0 };
}

function readNumberPoint(reader: ProtobufReader): MetricPoint {
  const outer = reader.enter();
  const point = emptyPoint();
  while (reader.next()) {
    if (reader.at(7, WIRE.length)) readKeyValue(reader, point.attributes);
    else if (reader.at(2, WIRE.fixed64)) point.startUs = reader.nanosAsUs();
    else if (reader.at(3, WIRE.fixed64)) point.timeUs = reader.nanosAsUs();
    else if (reader.at(4, WIRE.fixed64)) point.value = reader.double();
    else if (reader.at(6, WIRE.fixed64)) point.value = reader.sfixed64();
    else reader.skip();
  }
  reader.leave(outer);
  return point;
}

function readHistogramPoint(reader: ProtobufReader): MetricPoint {
  const outer = reader.enter();
  const histogram: MetricHistogram = { count: 0, bounds: [], counts: [] };
  const point: MetricPoint = { ...emptyPoint(), histogram };
  while (reader.next()) {
    if (reader.at(9, WIRE.length)) readKeyValue(reader, point.attributes);
    else if (reader.at(2, WIRE.fixed64)) point.startUs = reader.nanosAsUs();
    else if (reader.at(3, WIRE.fixed64)) point.timeUs = reader.nanosAsUs();
    else if (reader.at(4, WIRE.fixed64)) histogram.count = Number(reader.fixed64());
    else if (reader.at(5, WIRE.fixed64)) histogram.sum = reader.double();
    else if (reader.field === 6) readRepeated(reader, histogram.counts, () => Number(reader.fixed64()));
    else if (reader.field === 7) readRepeated(reader, histogram.bounds, () => reader.double());
    else if (reader.at(11, WIRE.fixed64)) histogram.min = reader.double();
    else if (reader.at(12, WIRE.fixed64)) histogram.max = reader.double();
    else reader.skip();
  }
  reader.leave(outer);
  return point;
}

/** Where the two have what they do not share; no field is 0. */
const EXPONENTIAL = { attributes: 1, min: 12, max: 13 };
const SUMMARY = { attributes: 7, min: 0, max: 0 };

/** Exponential histograms and summaries: their count, sum and range; their buckets and quantiles are passed over. */
function readCounted(reader: ProtobufReader, fields: typeof SUMMARY): MetricPoint {
  const outer = reader.enter();
  const histogram: MetricHistogram = { count: 0, bounds: [], counts: [] };
  const point: MetricPoint = { ...emptyPoint(), histogram };
  while (reader.next()) {
    if (reader.at(fields.attributes, WIRE.length)) readKeyValue(reader, point.attributes);
    else if (reader.at(2, WIRE.fixed64)) point.startUs = reader.nanosAsUs();
    else if (reader.at(3, WIRE.fixed64)) point.timeUs = reader.nanosAsUs();
    else if (reader.at(4, WIRE.fixed64)) histogram.count = Number(reader.fixed64());
    else if (reader.at(5, WIRE.fixed64)) histogram.sum = reader.double();
    else if (reader.at(fields.min, WIRE.fixed64)) histogram.min = reader.double();
    else if (reader.at(fields.max, WIRE.fixed64)) histogram.max = reader.double();
    else reader.skip();
  }
  reader.leave(outer);
  return point;
}

/** A repeated fixed64 field: packed or one by one, both are legal. */
function readRepeated(reader: ProtobufReader, values: number[], read: () => number): void {
  if (reader.is(WIRE.fixed64)) values.push(read());
  else if (reader.is(WIRE.length)) {
    const outer = reader.enter();
    while (reader.position < reader.end) values.push(read());
    reader.leave(outer);
  } else reader.skip();
}
