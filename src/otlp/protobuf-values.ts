import { ProtobufError, type ProtobufReader, WIRE } from './protobuf-reader.ts';
import { type RawAttributes, setRaw } from './records.ts';

/** Deeper values than this are refused: they would only burn stack. */
const DEPTH_MAX = 32;

/** `KeyValue` (common.proto) of the current field into `target`. */
export function readKeyValue(reader: ProtobufReader, target: RawAttributes, depth = 0): void {
  const outer = reader.enter();
  let key = '';
  let value: unknown;
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) key = reader.interned();
    else if (reader.at(2, WIRE.length)) value = readAnyValue(reader, depth);
    else reader.skip();
  }
  reader.leave(outer);
  setRaw(target, key, value);
}

/** `AnyValue`: text, boolean, number (bigint where a number is not exact), array, object, Buffer; `undefined` when empty. */
export function readAnyValue(reader: ProtobufReader, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new ProtobufError('values nested too deep', reader.position);
  const outer = reader.enter();
  let value: unknown;
  while (reader.next()) value = readVariant(reader, value, depth);
  reader.leave(outer);
  return value;
}

/** The last member of the `oneof` wins, as the encoding's rules have it. */
function readVariant(reader: ProtobufReader, before: unknown, depth: number): unknown {
  switch (reader.field) {
    case 1:
      if (reader.is(WIRE.length)) return reader.text();
      break;
    case 2:
      if (reader.is(WIRE.varint)) return reader.bool();
      break;
    case 3:
      if (reader.is(WIRE.varint)) return reader.int64();
      break;
    case 4:
      if (reader.is(WIRE.fixed64)) return reader.double();
      break;
    case 5:
      // A message that comes twice is merged: its lists are joined.
      if (reader.is(WIRE.length)) return readArray(reader, Array.isArray(before) ? before : [], depth + 1);
      break;
    case 6:
      if (reader.is(WIRE.length)) return readKeyValues(reader, isPlain(before) ? before : {}, depth + 1);
      break;
    case 7:
      if (reader.is(WIRE.length)) return reader.view();
      break;
  }
  reader.skip();
  return before;
}

function isPlain(value: unknown): value is RawAttributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

function readArray(reader: ProtobufReader, values: unknown[], depth: number): unknown[] {
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) values.push(readAnyValue(reader, depth));
    else reader.skip();
  }
  reader.leave(outer);
  return values;
}

function readKeyValues(reader: ProtobufReader, values: RawAttributes, depth: number): RawAttributes {
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) readKeyValue(reader, values, depth);
    else reader.skip();
  }
  reader.leave(outer);
  return values;
}

/** `Resource` and `InstrumentationScope` begin alike for us: the attributes are field 1 there, the name field 1 here. */
export function readResource(reader: ProtobufReader, attributes: RawAttributes): void {
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) readKeyValue(reader, attributes);
    else reader.skip();
  }
  reader.leave(outer);
}

export function readScopeName(reader: ProtobufReader, before: string): string {
  const outer = reader.enter();
  let name = before;
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) name = reader.interned();
    else reader.skip();
  }
  reader.leave(outer);
  return name;
}
