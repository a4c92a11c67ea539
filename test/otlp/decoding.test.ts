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
import { decodeMessage, encodeMessage, type MessageName } from './schema.ts';
import { scramble, splitFields, varint } from './wire.ts';

/**
 * The oracle: protobufjs decodes the bytes, its object is written as OTLP/JSON, and our JSON reader reads that. Both of
 * our readers must agree on it; the JSON reader itself is held against the specification in json.test.ts.
 */
function toOtlpJson(value: unknown, key = ''): unknown {
  if (Buffer.isBuffer(value)) return value.toString(key === 'bytesValue' ? 'base64' : 'hex');
  if (Array.isArray(value)) return value.map((item) => toOtlpJson(item));
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toOtlpJson(item, name)]));
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
  const message = toOtlpJson(decodeMessage(signal.name as MessageName, bytes));
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

  it('does not mind unknown fields, groups and another order of fields', () => {
    fc.assert(
      fc.property(
        request,
        fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 20 }),
        fc.uint8Array({ maxLength: 40 }),
        (message, picks, noise) => {
          const bytes = encodeMessage(signal.name, message);
          const payload = Buffer.from(noise);
          // One section deep: [resource section] → its resource and scope sections change places.
          const sections = splitFields(bytes).map((field) => {
            const body = scramble(stripTag(field.bytes), picks, payload);
            return Buffer.concat([varint(field.number * 8 + 2), varint(body.length), body]);
          });
          const scrambled = scramble(Buffer.concat(sections), picks, payload);
          expect(ours(signal, scrambled)).toEqual(ours(signal, bytes));
        },
      ),
      cases(200),
    );
  });

  it('ends on any bytes: a record or a ProtobufError, never anything else', () => {
    const mutation = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(request, mutation, fc.nat(), (message, changes, cut) => {
        const bytes = encodeMessage(signal.name, message);
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
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
          decodeMessage(signal.name as MessageName, short);
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

function stripTag(field: Buffer): Buffer {
  const [first] = splitFields(field);
  if (first?.wire !== 2) throw new Error('expected a message');
  let at = 1;
  while ((field[at] ?? 0) >= 0x80) at++;
  return field.subarray(at + 1);
}
