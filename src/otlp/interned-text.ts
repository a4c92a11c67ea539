const SLOTS = 2_048;
const LENGTH_MAX = 64;

interface Slot {
  bytes: Buffer;
  text: string;
}

/** Direct-mapped: a newcomer takes the slot, so foreign senders cannot make it grow. */
const slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOTS).fill(undefined);

/** The UTF-8 text of these bytes; a text seen before costs a comparison instead of a decoding and an allocation. */
export function intern(bytes: Buffer, start: number, length: number): string {
  if (length === 0) return '';
  if (length > LENGTH_MAX) return bytes.toString('utf8', start, start + length);
  // A few bytes tell keys apart well enough: most differ at the end, the rest in length or in the middle.
  const last = start + length - 1;
  let hash = Math.imul(length, 31) + (bytes[start] as number);
  hash = Math.imul(hash, 31) + (bytes[start + (length >> 2)] as number);
  hash = Math.imul(hash, 31) + (bytes[start + (length >> 1)] as number);
  hash = Math.imul(hash, 31) + (bytes[last - (length >> 2)] as number);
  hash = Math.imul(hash, 31) + (bytes[last - (length > 1 ? 1 : 0)] as number);
  hash = Math.imul(hash, 31) + (bytes[last] as number);
  const index = (hash ^ (hash >>> 16)) & (SLOTS - 1);
  const known = slots[index];
  if (known !== undefined && same(known.bytes, bytes, start, length)) return known.text;
  const text = bytes.toString('utf8', start, start + length);
  slots[index] = { bytes: Buffer.from(bytes.subarray(start, start + length)), text };
  return text;
}

function same(known: Buffer, bytes: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let offset = 0; offset < length; offset++) if (known[offset] !== bytes[start + offset]) return false;
  return true;
}
