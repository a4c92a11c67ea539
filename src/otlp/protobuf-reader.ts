import { intern } from './interned-text.ts';

/** What `toString` comes down to, without its look at the arguments: that is a third of the cost of an id. */
interface SlicedBuffer extends Buffer {
  hexSlice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/**
 * A cursor over protobuf wire bytes (protobuf.dev "Encoding"): reads each field once, in place, and never past `end`.
 * Nested messages are read by narrowing `end`; nothing is copied but the values that are asked for.
 */
export class ProtobufReader {
  readonly bytes: SlicedBuffer;
  position: number;
  end: number;
  /** Number and wire type of the field that `next` moved to. */
  field = 0;
  wire: number = WIRE.varint;

  constructor(bytes: Buffer) {
    this.bytes = bytes as SlicedBuffer;
    this.position = 0;
    this.end = bytes.length;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.position >= this.end) return false;
    const first = this.bytes[this.position] as number;
    if (first < 0x80) {
      this.position++;
      this.field = first >>> 3;
      this.wire = first & 7;
      if (this.field === 0) throw new ProtobufError('a field number out of range', this.position);
      return true;
    }
    const tag = this.varint();
    this.field = tag >>> 3;
    this.wire = tag & 7;
    if (this.field === 0 || tag > 0xffff_ffff) throw new ProtobufError('a field number out of range', this.position);
    return true;
  }

  /** Unsigned; exact up to 2^53, and modulo 2^32 in its low bits beyond that. */
  varint(): number {
    const { bytes } = this;
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let low = byte & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low >>> 0;
    }
    let value = low >>> 0;
    let factor = 0x1000_0000;
    for (let count = 4; count < 10; count++) {
      if (this.position >= this.end) throw new ProtobufError('a varint that is cut off', this.position);
      byte = bytes[this.position++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new ProtobufError('a varint of more than 10 bytes', this.position);
  }

  /** A varint as a signed 64-bit number: a safe integer, or a bigint where that is not exact. */
  int64(): number | bigint {
    const start = this.position;
    let value = 0;
    let factor = 1;
    // Seven bytes are 49 bits; what is longer is negative or very large.
    for (let count = 0; count < 7; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    this.position = start;
    return this.longInt64();
  }

  private longInt64(): number | bigint {
    const start = this.position;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n) throw new ProtobufError('a varint of more than 10 bytes', start);
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const signed = BigInt.asIntN(64, value);
    const small = Number(signed);
    return Number.isSafeInteger(small) ? small : signed;
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  fixed32(): number {
    return this.bytes.readUInt32LE(this.advance(4));
  }

  double(): number {
    return this.bytes.readDoubleLE(this.advance(8));
  }

  fixed64(): bigint {
    return this.bytes.readBigUInt64LE(this.advance(8));
  }

  sfixed64(): number | bigint {
    const value = this.bytes.readBigInt64LE(this.advance(8));
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  /** A fixed64 of nanoseconds as whole microseconds, exact: the quotient is taken in two halves that doubles hold. */
  nanosAsUs(): number {
    const at = this.advance(8);
    const low = this.bytes.readUInt32LE(at);
    const high = this.bytes.readUInt32LE(at + 4);
    const thousands = Math.floor(high / 1_000);
    const rest = (high - thousands * 1_000) * 0x1_0000_0000 + low;
    return thousands * 0x1_0000_0000 + Math.floor(rest / 1_000);
  }

  /** UTF-8; bytes that are none become U+FFFD. */
  text(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.bytes.utf8Slice(start, start + length);
  }

  /** The same for texts that come again and again (keys, names): known bytes are not decoded twice. */
  interned(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return intern(this.bytes, start, length);
  }

  /** Two bytes of the message as one number, big-endian; nothing is moved. -1 where it has ended. */
  pairAt(at: number): number {
    return at + 2 > this.end ? -1 : ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  /** Lowercase hex of a bytes field. */
  hex(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.bytes.hexSlice(start, start + length);
  }

  /** A view, not a copy. */
  view(): Buffer {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.bytes.subarray(start, start + length);
  }

  /** Enters a length-delimited field; give what it answers to `leave`. */
  enter(): number {
    const length = this.length();
    const outer = this.end;
    this.end = this.position + length;
    return outer;
  }

  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /** The length of a length-delimited field, checked against what is left. */
  length(): number {
    if (this.wire !== WIRE.length)
      throw new ProtobufError(`field ${this.field} has wire type ${this.wire}`, this.position);
    const first = this.bytes[this.position] as number;
    let length = first;
    // Reading past the message shows below: nothing is longer than what is left of it.
    if (first < 0x80) this.position++;
    else length = this.varint();
    if (length > this.end - this.position) throw new ProtobufError(`field ${this.field} is cut off`, this.position);
    return length;
  }

  /** True at this field with this wire type; a field of another type is unknown to us and is skipped. */
  at(field: number, wire: number): boolean {
    return this.field === field && this.wire === wire;
  }

  is(wire: number): boolean {
    return this.wire === wire;
  }

  /** Passes over the current field, whatever it is. */
  skip(depth = 0): void {
    if (this.wire === WIRE.varint) this.varint();
    else if (this.wire === WIRE.fixed64) this.advance(8);
    else if (this.wire === WIRE.fixed32) this.advance(4);
    else if (this.wire === WIRE.length) {
      const length = this.length();
      this.position += length;
    } else if (this.wire === WIRE.groupStart) this.skipGroup(this.field, depth);
    else throw new ProtobufError(`field ${this.field} has wire type ${this.wire}`, this.position);
  }

  private skipGroup(group: number, depth: number): void {
    if (depth >= GROUP_DEPTH_MAX) throw new ProtobufError('groups nested too deep', this.position);
    while (this.next()) {
      if (this.wire === WIRE.groupEnd) {
        if (this.field === group) return;
        throw new ProtobufError(`group ${group} is ended by ${this.field}`, this.position);
      }
      this.skip(depth + 1);
    }
    throw new ProtobufError(`group ${group} is cut off`, this.position);
  }

  private byte(): number {
    if (this.position >= this.end) throw new ProtobufError('a varint that is cut off', this.position);
    return this.bytes[this.position++] as number;
  }

  private advance(count: number): number {
    const at = this.position;
    if (count > this.end - at) throw new ProtobufError(`field ${this.field} is cut off`, at);
    this.position = at + count;
    return at;
  }
}

export const WIRE = { varint: 0, fixed64: 1, length: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;
const GROUP_DEPTH_MAX = 32;

/** The bytes are no protobuf of the expected kind. Internal to the room: `receive` answers it as bad data. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';

  constructor(what: string, position: number) {
    super(`${what} (at byte ${position})`);
  }
}
