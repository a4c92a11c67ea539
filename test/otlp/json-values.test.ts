import { describe, expect, it } from 'vitest';
import { readJsonMetrics } from '../../src/otlp/json-metrics.ts';
import { readJsonLogs } from '../../src/otlp/json-records.ts';
import { anyValueAt, JsonShapeError, nanosAt, uint64At } from '../../src/otlp/json-values.ts';
import type { MetricRecord } from '../../src/otlp/records.ts';

function readMetric(metric: object): MetricRecord | undefined {
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] };
  return [...readJsonMetrics(request)][0]?.record;
}

describe('an unsigned 64-bit integer', () => {
  it.each<[unknown, number]>([
    [undefined, 0],
    [null, 0],
    ['0', 0],
    [7, 7],
    ['1000000000000000', 1e15],
    [1e15, 1e15],
    ['9007199254740993', 2 ** 53],
    ['18446744073709551615', 2 ** 64],
    [JSON.parse('18446744073709551615'), 2 ** 64],
  ])('%j is %d', (value, expected) => {
    expect(uint64At(value, '$')).toBe(expected);
  });

  it.each(['18446744073709551616', '', '-1', '1.5', 'many', -1, 1.5, 2 ** 65, true, {}])('%j is refused', (value) => {
    expect(() => uint64At(value, '$')).toThrow(JsonShapeError);
  });

  it('counts the values of a histogram, as a text and as a number', () => {
    const counts = ['1000000000000000', 1_000_000_000_000_000, '18446744073709551615'];
    const histogram = { dataPoints: [{ count: counts[0], bucketCounts: counts, explicitBounds: [1, 2] }] };
    expect(readMetric({ histogram })?.points[0]?.histogram).toEqual({
      count: 1e15,
      counts: [1e15, 1e15, 2 ** 64],
      bounds: [1, 2],
    });
  });
});

describe('nanoseconds', () => {
  it.each([
    ['1763684557123456789', 1_763_684_557_123_456],
    ['999', 0],
    [0, 0],
    [999, 0],
    [1_000, 1],
    [1_999_999, 1_999],
    [9_007_199_254_740_991, 9_007_199_254_740],
    [JSON.parse('1763684557123456500'), 1_763_684_557_123_456],
  ])('%j are %d µs', (value, expected) => {
    expect(nanosAt(value, '$')).toBe(expected);
  });

  it('as a number of a clock in whole microseconds are that microsecond, though no double is', () => {
    let rounded = 0;
    for (let us = 1_763_684_557_123_000; us < 1_763_684_557_124_000; us++) {
      const nanos = JSON.parse(`${us}000`) as number;
      if (BigInt(nanos) < BigInt(us) * 1_000n) rounded++;
      expect(nanosAt(nanos, '$')).toBe(us);
    }
    expect(rounded).toBeGreaterThan(100);
  });

  it.each([-1, 0.5, 'soon', '-1', '', true])('are not %j', (value) => {
    expect(() => nanosAt(value, '$')).toThrow(JsonShapeError);
  });

  it('may be numbers in a record', () => {
    const logRecords = [{ timeUnixNano: 1_763_684_557_123_456_000, observedTimeUnixNano: 2_000 }];
    const [read] = readJsonLogs({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
    expect(read?.record).toMatchObject({ timeUs: 1_763_684_557_123_456, observedUs: 2 });
  });
});

describe('null', () => {
  it.each<[object, unknown]>([
    [{ intValue: null }, undefined],
    [{ stringValue: null, intValue: 5 }, 5],
    [{ stringValue: null, boolValue: null, intValue: null, doubleValue: 0.5 }, 0.5],
    [{ doubleValue: null, bytesValue: 'AQID' }, Buffer.from([1, 2, 3])],
    [{ bytesValue: null, arrayValue: { values: [{ boolValue: null, stringValue: 'a' }] } }, ['a']],
    [{ arrayValue: null, kvlistValue: { values: [{ key: 'a', value: { boolValue: false } }] } }, { a: false }],
    [{ arrayValue: null, kvlistValue: null }, undefined],
    [{ arrayValue: { values: null } }, []],
  ])('stands for a member of AnyValue that is not there: %j', (value, expected) => {
    expect(anyValueAt(value, '$')).toEqual(expected);
  });

  it('stands for a kind of metric that is not there', () => {
    const dataPoints = [{ asInt: '1' }, { asInt: null, asDouble: 1.5 }, { asInt: null, asDouble: null }];
    const metric = readMetric({ name: 'm', gauge: null, sum: { dataPoints, isMonotonic: true }, histogram: null });
    expect(metric).toMatchObject({ type: 'sum', monotonic: true });
    expect(metric?.points.map(({ value }) => value)).toEqual([1, 1.5, undefined]);
  });

  it('stands for what a point does not have', () => {
    const dataPoints = [{ count: null, sum: null, min: null, max: null, bucketCounts: null, explicitBounds: null }];
    expect(readMetric({ histogram: { dataPoints } })?.points[0]?.histogram).toEqual({
      count: 0,
      bounds: [],
      counts: [],
    });
  });
});
