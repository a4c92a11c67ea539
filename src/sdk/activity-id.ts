import { cryptoModule } from './load-module.ts';

/**
 * UUIDv7 (RFC 9562 5.7, method 1): 48 bits of milliseconds, a 12-bit counter, 62 random bits. Monotone within the
 * process. The part behind the time comes from a pre-filled pool, so that an id costs one concatenation at the call.
 */
const POOL_COUNT = 256;
const COUNTER_END = 4_096;
const RANDOM_BYTES = 8;
const VARIANTS = '89ab';
/** Fetching random bytes costs the same for a few as for many: enough for 16 pools at once. */
const RANDOM_POOLS = 16;

const random = Buffer.allocUnsafe(RANDOM_POOLS * POOL_COUNT * RANDOM_BYTES);
let randomNext = random.length;
const pool: string[] = new Array<string>(POOL_COUNT).fill('');
let poolNext = POOL_COUNT;
let counter = 0;

let lastMs = -1;
let prefix = '';

/** @param nowMs milliseconds since the Unix epoch; a step back is not followed */
export function createId(nowMs: number): string {
  const ms = Math.floor(nowMs);
  if (poolNext === POOL_COUNT) refill(ms);
  if (ms > lastMs) setTime(ms);
  const tail = pool[poolNext] ?? '';
  poolNext += 1;
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
  const bytes = random.subarray(randomNext, randomNext + POOL_COUNT * RANDOM_BYTES);
  randomNext += bytes.length;
  const hex = bytes.toString('hex');
  for (let index = 0; index < POOL_COUNT; index += 1) {
    const at = index * RANDOM_BYTES * 2;
    const variant = VARIANTS[(bytes[index * RANDOM_BYTES] ?? 0) & 3] ?? '8';
    pool[index] =
      `7${counter.toString(16).padStart(3, '0')}-${variant}${hex.slice(at + 1, at + 4)}-${hex.slice(at + 4, at + 16)}`;
    counter += 1;
  }
  poolNext = 0;
}

function setTime(ms: number): void {
  lastMs = ms;
  const hex = ms.toString(16).padStart(12, '0');
  prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-`;
}
