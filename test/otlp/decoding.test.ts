import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonMetrics } from '../../src/otlp/json-metrics.ts';
import { readJsonLogs, readJsonSpans } from '../../src/otlp/json-records.ts';
import { readProtobufLogs } from '../../src/otlp/protobuf-logs.ts';
import { readProtobufMetrics } from '../../src/otlp/protobuf-metrics.ts';
import { ProtobufError } from '../../src/otlp/protobuf-reader.ts';
import { readProtobufSpans } from '../../src/otlp/protobuf-traces.ts';
import { cases } from '../support/cases.ts';
import { logsRequest, metricsRequest, tracesRequest } from './requests.ts';
import { decodeMessage, encodeMessage, encodeUnpacked, has32Bits, type MessageName, nestedTypes } from './schema.ts';
import { scramble } from './wire.ts';

/**
 * The oracle: protobufjs decodes the bytes, its object is written as OTLP/JSON, and our JSON reader reads that. Both of
 * our readers must agree on it; the JSON reader itself is held against the specification in json-values.test.ts and
 * mapping.test.ts.
 */
function toOtlpJson(value: unknown, key = ''): unknown {
  if (Buffer.isBuffer(value)) return value.toString(key === 'bytesValue' ? 'base64' : 'hex');
  if (Array.isArray(value)) return value.map((item) => toOtlpJson(item));
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toOtlpJson(item, name)]));
}

const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });

function change(bytes: Buffer, changed: readonly (readonly [number, number])[]): Buffer {
  for (const [at, byte] of changed) if (bytes.length > 0) bytes[at % bytes.length] = byte;
  return bytes;
}

/**
 * Whether changed bytes still mean one thing. They do not where the oracle refuses them (it refuses invalid UTF-8, where
 * ours reads U+FFFD), nor where a number does not fit into the 32 bits of its field: the oracle cuts it off, ours keeps it
 * for the mapping to limit, and OTLP/JSON has no negative counts.
 */
function isClear(name: MessageName, bytes: Buffer): boolean {
  try {
    return has32Bits(name, bytes);
  } catch {
    return false;
  }
}

const SIGNALS = [
  { name: 'TracesRequest', request: tracesRequest, binary: readProtobufSpans, json: readJsonSpans },
  { name: 'LogsRequest', request: logsRequest, binary: readProtobufLogs, json: readJsonLogs },
  { name: 'MetricsRequest', request: metricsRequest, binary: readProtobufMetrics, json: readJsonMetrics },
] as const;

function ours(signal: (typeof SIGNALS)[number], bytes: Buffer): unknown[] {
  return [...(signal.binary(bytes) as Iterable<unknown>)];
}

function oracle(signal: (typeof SIGNALS)[number], bytes: Buffer): unknown[] {
  const message = toOtlpJson(decodeMessage(signal.name, bytes));
  return [...(signal.json(message) as Iterable<unknown>)];
}

describe.each(SIGNALS)('$name', (signal) => {
  const request = signal.request as fc.Arbitrary<object>;

  it('reads what a generated decoder reads', () => {
    fc.assert(
      fc.property(request, (message) => {
        const bytes = encodeMessage(signal.name, message);
        expect(ours(signal, bytes)).toEqual(oracle(signal, bytes));
      }),
      cases(300),
    );
  });

  it('does not mind unknown fields, groups and another order of fields, at any depth', () => {
    const nested = nestedTypes(signal.name);
    fc.assert(
      fc.property(
        request,
        fc.boolean(),
        fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 40 }),
        fc.uint8Array({ maxLength: 40 }).map((noise) => Buffer.from(noise)),
        (message, isPacked, picks, payload) => {
          const bytes = isPacked ? encodeMessage(signal.name, message) : encodeUnpacked(signal.name, message);
          const scrambled = scramble(bytes, signal.name, { picks, payload, nested });
          const read = ours(signal, scrambled);
          expect(read).toEqual(oracle(signal, scrambled));
          expect(read).toEqual(ours(signal, encodeMessage(signal.name, message)));
        },
      ),
      cases(200),
    );
  });

  it('reads what a generated decoder reads from changed bytes', () => {
    let compared = 0;
    const { numRuns, seed } = cases(600);
    fc.assert(
      fc.property(request, changes, (message, changed) => {
        const bytes = change(encodeMessage(signal.name, message), changed);
        if (!isClear(signal.name, bytes)) return;
        expect(ours(signal, bytes)).toEqual(oracle(signal, bytes));
        compared++;
      }),
      { numRuns, seed },
    );
    expect(compared).toBeGreaterThan(numRuns / 20 - 5);
  });

  it('ends on any bytes: a record or a ProtobufError, never anything else', () => {
    fc.assert(
      fc.property(request, changes, fc.nat(), (message, changed, cut) => {
        const bytes = change(encodeMessage(signal.name, message), changed);
        const mutated = bytes.subarray(0, cut % (bytes.length + 1));
        try {
          expect(ours(signal, mutated).length).toBeLessThanOrEqual(mutated.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      cases(600),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        try {
          ours(signal, Buffer.from(noise));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      cases(600),
    );
  });

  it('refuses what a generated decoder refuses when bytes are cut off', () => {
    fc.assert(
      fc.property(request, fc.nat(), (message, cut) => {
        const bytes = encodeMessage(signal.name, message);
        const short = bytes.subarray(0, cut % (bytes.length + 1));
        let refused = false;
        try {
          decodeMessage(signal.name, short);
        } catch {
          refused = true;
        }
        if (refused) expect(() => ours(signal, short)).toThrow(ProtobufError);
        else expect(ours(signal, short)).toEqual(oracle(signal, short));
      }),
      cases(300),
    );
  });
});

it('takes numbers of a list packed, one by one, and both in one message', () => {
  const first = { count: '6', bucketCounts: ['1', '2', '3'], explicitBounds: [0.5, 1.5] };
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ histogram: { dataPoints: [first] } }] }] }] };
  const packed = encodeMessage('MetricsRequest', request);
  const unpacked = encodeUnpacked('MetricsRequest', request);
  expect(unpacked.length).toBeGreaterThan(packed.length);
  const expected = { count: 6, counts: [1, 2, 3], bounds: [0.5, 1.5] };
  const read = (bytes: Buffer) => [...readProtobufMetrics(bytes)][0]?.record.points[0]?.histogram;
  expect([read(packed), read(unpacked)]).toEqual([expected, expected]);
});
