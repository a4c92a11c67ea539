import { readJsonSections } from './json-records.ts';
import {
  attributesAt,
  countAt,
  doubleAt,
  int64At,
  isGiven,
  listAt,
  nanosAt,
  objectAt,
  textAt,
  uint64At,
} from './json-values.ts';
import type { MetricHistogram, MetricPoint, MetricRecord, Sourced } from './records.ts';

type Json = Record<string, unknown>;

const NAMES = { sections: 'resourceMetrics', scopes: 'scopeMetrics', records: 'metrics' };
const DATA: readonly [string, MetricRecord['type']][] = [
  ['gauge', 'gauge'],
  ['sum', 'sum'],
  ['histogram', 'histogram'],
  ['exponentialHistogram', 'exponential_histogram'],
  ['summary', 'summary'],
];

/** @throws JsonShapeError with the path of the member that is wrong */
export function readJsonMetrics(request: unknown): Generator<Sourced<MetricRecord>> {
  return readJsonSections(request, NAMES, readMetric);
}

function readMetric(metric: Json, at: string): MetricRecord {
  const [member, type] = DATA.find(([name]) => isGiven(metric[name])) ?? ['gauge', 'gauge' as const];
  const data = objectAt(metric[member], `${at}.${member}`) ?? {};
  const path = `${at}.${member}.dataPoints`;
  return {
    name: textAt(metric.name, `${at}.name`),
    description: textAt(metric.description, `${at}.description`),
    unit: textAt(metric.unit, `${at}.unit`),
    type,
    monotonic: data.isMonotonic === true,
    temporality: countAt(data.aggregationTemporality, `${at}.${member}.aggregationTemporality`),
    points: listAt(data.dataPoints, path).map((point, index) => readPoint(point, `${path}[${index}]`, type)),
  };
}

function readPoint(value: unknown, at: string, type: MetricRecord['type']): MetricPoint {
  const point = objectAt(value, at) ?? {};
  const common: MetricPoint = {
    attributes: attributesAt(point.attributes, `${at}.attributes`),
    startUs: nanosAt(point.startTimeUnixNano, `${at}.startTimeUnixNano`),
    timeUs: nanosAt(point.timeUnixNano, `${at}.timeUnixNano`),
  };
  if (type !== 'gauge' && type !== 'sum') return { ...common, histogram: readHistogram(point, at) };
  if (isGiven(point.asInt)) return { ...common, value: int64At(point.asInt, `${at}.asInt`) };
  if (isGiven(point.asDouble)) return { ...common, value: doubleAt(point.asDouble, `${at}.asDouble`) };
  return common;
}

function readHistogram(point: Json, at: string): MetricHistogram {
  const optional = (name: 'sum' | 'min' | 'max') =>
    isGiven(point[name]) ? { [name]: doubleAt(point[name], `${at}.${name}`) } : {};
  return {
    count: uint64At(point.count, `${at}.count`),
    ...optional('sum'),
    bounds: listAt(point.explicitBounds, `${at}.explicitBounds`).map((bound) =>
      doubleAt(bound, `${at}.explicitBounds`),
    ),
    counts: listAt(point.bucketCounts, `${at}.bucketCounts`).map((count) => uint64At(count, `${at}.bucketCounts`)),
    ...optional('min'),
    ...optional('max'),
  };
}
