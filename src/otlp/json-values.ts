import { type RawAttributes, setRaw } from './records.ts';

/** The JSON is not shaped as OTLP says. Internal to the room: `receive` answers it as bad data. */
export class JsonShapeError extends Error {
  override readonly name = 'JsonShapeError';

  constructor(path: string, expected: string) {
    super(`${path}: expected ${expected}`);
  }
}

const DEPTH_MAX = 32;

/** Null stands for absent, as in protobuf's JSON mapping; of the members of a `oneof` too. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function objectAt(value: unknown, path: string): Record<string, unknown> | undefined {
  if (!isGiven(value)) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw new JsonShapeError(path, 'an object');
  return value as Record<string, unknown>;
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value)) throw new JsonShapeError(path, 'an array');
  return value;
}

export function textAt(value: unknown, path: string): string {
  if (!isGiven(value)) return '';
  if (typeof value !== 'string') throw new JsonShapeError(path, 'a text');
  return value;
}

/** Enums and counts of 32 bits: integers (OTLP/JSON has no enum names). */
export function countAt(value: unknown, path: string): number {
  if (!isGiven(value)) return 0;
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (!Number.isSafeInteger(number) || (number as number) < 0) throw new JsonShapeError(path, 'a whole number');
  return number as number;
}

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;

/** Counts of 64 bits, as a text or a number: the nearest double, as the protobuf reader has it. */
export function uint64At(value: unknown, path: string): number {
  if (!isGiven(value)) return 0;
  if (typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) <= UINT64_MAX) return Number(value);
  // As a double the greatest is one more than it is.
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2 ** 64) return value;
  throw new JsonShapeError(path, 'an unsigned 64-bit integer as a text or a number');
}

/** Hex in any case. */
export function hexAt(value: unknown, path: string): string {
  const text = textAt(value, path);
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new JsonShapeError(path, 'an id in hex');
  return text.toLowerCase();
}

/** Nanoseconds as a text or a number of an uint64, to whole microseconds; exact for the text. */
export function nanosAt(value: unknown, path: string): number {
  if (!isGiven(value)) return 0;
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) {
    return value.length <= 3 ? 0 : Number(value.slice(0, -3));
  }
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return roundedNanosAsUs(value);
  throw new JsonShapeError(path, 'nanoseconds as a text or a number');
}

/**
 * Today's nanoseconds are no double: JSON.parse took the nearest, up to 128 away. What is so little before a whole
 * microsecond is that one, so that a sender with a clock of milliseconds or microseconds gets its own time back.
 */
function roundedNanosAsUs(nanos: number): number {
  const rest = nanos % 1_000;
  const us = Math.round((nanos - rest) / 1_000);
  return rest + nanos * 2 ** -53 >= 1_000 ? us + 1 : us;
}

/** int64 as a text or a number; a bigint where a number is not exact. */
export function int64At(value: unknown, path: string): number | bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : BigInt(value);
  }
  throw new JsonShapeError(path, 'a 64-bit integer as a text or a number');
}

export function doubleAt(value: unknown, path: string): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
  if (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) return Number(value);
  throw new JsonShapeError(path, 'a number');
}

export function attributesAt(value: unknown, path: string, depth = 0): RawAttributes {
  const attributes: RawAttributes = {};
  listAt(value, path).forEach((item, index) => {
    const pair = objectAt(item, `${path}[${index}]`);
    if (pair === undefined) return;
    const key = textAt(pair.key, `${path}[${index}].key`);
    setRaw(attributes, key, anyValueAt(pair.value, `${path}[${index}].value`, depth));
  });
  return attributes;
}

/** `AnyValue` in OTLP/JSON; the same plain values as `readAnyValue` gives for protobuf. */
export function anyValueAt(value: unknown, path: string, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new JsonShapeError(path, 'values nested less deep');
  const any = objectAt(value, path);
  if (any === undefined) return undefined;
  if (isGiven(any.stringValue)) return textAt(any.stringValue, `${path}.stringValue`);
  if (isGiven(any.boolValue)) {
    if (typeof any.boolValue !== 'boolean') throw new JsonShapeError(`${path}.boolValue`, 'true or false');
    return any.boolValue;
  }
  if (isGiven(any.intValue)) return int64At(any.intValue, `${path}.intValue`);
  if (isGiven(any.doubleValue)) return doubleAt(any.doubleValue, `${path}.doubleValue`);
  if (isGiven(any.bytesValue)) return base64At(any.bytesValue, `${path}.bytesValue`);
  if (isGiven(any.arrayValue)) {
    const inner = `${path}.arrayValue.values`;
    const values = listAt(objectAt(any.arrayValue, `${path}.arrayValue`)?.values, inner);
    return values.map((item, index) => anyValueAt(item, `${inner}[${index}]`, depth + 1));
  }
  if (isGiven(any.kvlistValue)) {
    const list = objectAt(any.kvlistValue, `${path}.kvlistValue`);
    return attributesAt(list?.values, `${path}.kvlistValue.values`, depth + 1);
  }
  return undefined;
}

function base64At(value: unknown, path: string): Buffer {
  const text = textAt(value, path);
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw new JsonShapeError(path, 'base64');
  return Buffer.from(text, 'base64');
}
