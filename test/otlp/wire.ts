/** Rewrites protobuf bytes in ways that keep their meaning: for messages, at any depth that the caller names. */
export interface WireField {
  number: number;
  wire: number;
  bytes: Buffer;
}

/** Splits a message into its fields (tag and all); groups are not expected. */
export function splitFields(message: Buffer): WireField[] {
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

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

/** Unknown fields of every wire type, groups with groups inside included. */
export function unknownField(number: number, kind: number, payload: Buffer): Buffer {
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
        unknownField(number + 1, 2, payload),
        unknownField(number + 2, 1, payload),
        tag(4),
      ]);
  }
}

/** Same message: top-level fields of different numbers reordered, unknown fields added between them. */
export function scramble(message: Buffer, picks: readonly number[], payload: Buffer): Buffer {
  const fields = splitFields(message);
  // Fields of one number keep their order among themselves; that order has meaning.
  const numbers = [...new Set(fields.map((field) => field.number))];
  const keys = new Map(numbers.map((number, index) => [number, picks[index % Math.max(1, picks.length)] ?? 0]));
  const sorted = fields
    .map((field, index) => ({ field, index, key: keys.get(field.number) ?? 0 }))
    .sort((a, b) => a.key - b.key || a.field.number - b.field.number || a.index - b.index);
  const parts = sorted.flatMap(({ field }, index) => [
    unknownField(900 + index, picks[index % Math.max(1, picks.length)] ?? 0, payload),
    field.bytes,
  ]);
  return Buffer.concat(parts);
}
