import type { NestedTypes } from './schema.ts';

/** Rewrites protobuf bytes in ways that keep their meaning. */
interface WireField {
  number: number;
  wire: number;
  bytes: Buffer;
}

/** Splits a message into its fields (tag and all); groups are not expected. */
function splitFields(message: Buffer): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  while (at < message.length) {
    const start = at;
    const [tag, afterTag] = varintAt(message, at);
    const wire = tag & 7;
    at = afterTag;
    if (wire === 0) at = varintAt(message, at)[1];
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else {
      const [length, body] = varintAt(message, at);
      at = body + length;
    }
    fields.push({ number: tag >>> 3, wire, bytes: message.subarray(start, at) });
  }
  return fields;
}

function varintAt(bytes: Buffer, start: number): [number, number] {
  let value = 0;
  let at = start;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at];
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

/** Unknown fields of every wire type; in a group there are groups, and fields with numbers that are known outside. */
function unknownField(number: number, kind: number, payload: Buffer): Buffer {
  const tag = (wire: number) => varint(number * 8 + wire);
  switch (kind % 5) {
    case 0:
      return Buffer.concat([tag(0), varint(payload.length * 1_000)]);
    case 1:
      return Buffer.concat([tag(1), Buffer.alloc(8, 7)]);
    case 2:
      return Buffer.concat([tag(2), varint(payload.length), payload]);
    case 3:
      return Buffer.concat([tag(5), Buffer.alloc(4, 7)]);
    default:
      return Buffer.concat([
        tag(3),
        ...[1, 2, 3, 7].map((known, index) => unknownField(known, index, payload)),
        ...(kind % 2 === 0 ? [unknownField(number + 1, 9, payload)] : []),
        tag(4),
      ]);
  }
}

export interface Scrambling {
  /** Chance: which order, and which unknown fields. Taken in turn, over and over. */
  picks: readonly number[];
  /** Of unknown fields. */
  payload: Buffer;
  nested: NestedTypes;
}

/**
 * The same message in other bytes: in it and in every message inside it the fields come in another order, with unknown
 * fields between them.
 */
export function scramble(message: Buffer, type: string, { picks, payload, nested }: Scrambling): Buffer {
  let turn = 0;
  const pick = (): number => picks[turn++ % picks.length] ?? 0;

  function scrambleMessage(bytes: Buffer, name: string): Buffer {
    const fields = splitFields(bytes).map((field) => {
      const inner = field.wire === 2 ? nested.get(name)?.get(field.number) : undefined;
      if (inner === undefined) return field;
      const body = scrambleMessage(payloadOf(field.bytes), inner);
      return { ...field, bytes: Buffer.concat([varint(field.number * 8 + 2), varint(body.length), body]) };
    });
    const parts = reorder(fields, pick).flatMap((field, index) => {
      const chance = pick();
      return chance % 3 === 0 ? [unknownField(900 + index, chance, payload), field.bytes] : [field.bytes];
    });
    return Buffer.concat([...parts, unknownField(1_000, pick(), payload)]);
  }
  return scrambleMessage(message, type);
}

/** Fields of one number keep their order among themselves, which has meaning; others may come between them. */
function reorder(fields: readonly WireField[], pick: () => number): WireField[] {
  const places = fields
    .map(({ number }, index) => ({ number, index, key: pick() }))
    .sort((a, b) => a.key - b.key || b.index - a.index);
  const waiting = [...fields];
  return places.flatMap(({ number }) => {
    const first = waiting.findIndex((field) => field.number === number);
    return waiting.splice(first, 1);
  });
}

function payloadOf(field: Buffer): Buffer {
  const [, afterTag] = varintAt(field, 0);
  return field.subarray(varintAt(field, afterTag)[1]);
}
