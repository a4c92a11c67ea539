import { cryptoModule } from './load-module.ts';

/**
 * UUIDv7 (RFC 9562 5.7, method 1): 48 bits of milliseconds, a 12-bit counter, 62 random bits. Monotone within the
 * process. The part behind the time comes from a pre-filled pool, so that an id costs one slice and one concatenation at the call.
 */
const POOL_COUNT = 256;
const COUNTER_END = 4_096;
const RANDOM_BYTES = 8;
/** `7ccc-vrrr-rrrrrrrrrrrr` */
const TAIL_CHARS = 22;
const HEX = Buffer.from('0123456789abcdef');
const VERSION_7 = 0x37;
const HYPHEN = 0x2d;
/** Fetching random bytes costs the same for a few as for many: enough for 16 pools at once. */
const RANDOM_POOLS = 16;

const random = Buffer.allocUnsafe(RANDOM_POOLS * POOL_COUNT * RANDOM_BYTES);
let randomNext = random.length;
const written = Buffer.allocUnsafe(POOL_COUNT * TAIL_CHARS);
/** The tails of one pool, one behind the other: a slice of a text is no copy. */
let tails = '';
let tailNext = 0;
let counter = 0;

let lastMs = -1;
let prefix = '';

/** @param nowMs milliseconds since the Unix epoch; a step back is not followed */
export function createId(nowMs: number): string {
  const ms = Math.floor(nowMs);
  if (tailNext === tails.length) refill(ms);
  if (ms > lastMs) setTime(ms);
  const tail = tails.slice(tailNext, tailNext + TAIL_CHARS);
  tailNext += TAIL_CHARS;
  return prefix + tail;
}

function refill(ms: number): void {
  // The counter starts again: what comes next needs a later millisecond to stay above what went before.
  if (counter === COUNTER_END) {
    counter = 0;
    setTime(Math.max(ms, lastMs + 1));
  }
  if (randomNext === random.length) {
    cryptoModule().randomFillSync(random);
    randomNext = 0;
  }
  for (let at = 0; at < written.length; at += TAIL_CHARS) writeTail(at);
  tails = written.toString('latin1');
  tailNext = 0;
}

function writeTail(at: number): void {
  written[at] = VERSION_7;
  written[at + 1] = digit(counter >> 8);
  written[at + 2] = digit(counter >> 4);
  written[at + 3] = digit(counter);
  written[at + 4] = HYPHEN;
  // The variant: binary 10 and two random bits.
  written[at + 5] = digit(8 | (randomByte(0) & 3));
  writeByte(at + 6, 1);
  written[at + 8] = digit(randomByte(0) >> 4);
  written[at + 9] = HYPHEN;
  for (let index = 0; index < 6; index += 1) writeByte(at + 10 + 2 * index, 2 + index);
  counter += 1;
  randomNext += RANDOM_BYTES;
}

function writeByte(at: number, index: number): void {
  const byte = randomByte(index);
  written[at] = digit(byte >> 4);
  written[at + 1] = digit(byte);
}

function randomByte(index: number): number {
  return random[randomNext + index] ?? 0;
}

function digit(value: number): number {
  return HEX[value & 15] ?? 0;
}

function setTime(ms: number): void {
  lastMs = ms;
  const hex = ms.toString(16).padStart(12, '0');
  prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-`;
}
