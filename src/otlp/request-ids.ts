import { inOnePiece } from './json-text.ts';

/**
 * Ids for the items of one request, UUIDv7-shaped: the item's own ms, then bits of the request's digest and the item's
 * index. The same bytes therefore give the same ids again, wherever and whenever they are received.
 */
export interface RequestIds {
  next(timeUs: number): string;
}

const MS_MAX = 0xffff_ffff_ffff;
/** `000` to `fff`: an id is made an item, and `toString(16).padStart()` is ten times dearer. */
const HEX_3 = Array.from({ length: 4_096 }, (_, value) => value.toString(16).padStart(3, '0'));
const HEX_2 = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

/**
 * Few pieces, and long ones: each is walked when the activity around the id is made one text.
 * @param digest hex, at least 24 characters
 */
export function createRequestIds(digest: string): RequestIds {
  const randomA = digest.slice(0, 3);
  const variant = ((Number.parseInt(digest.slice(3, 4), 16) & 3) | 8).toString(16);
  const middle = variant + digest.slice(4, 7);
  const rest = inOnePiece(`-7${randomA}-${middle}-${digest.slice(7, 11)}`);
  const mask = Number.parseInt(digest.slice(11, 19), 16);
  let index = 0;
  let lastMs = -1;
  let prefix = '';
  return {
    next(timeUs) {
      const ms = Math.min(MS_MAX, Math.max(0, Math.floor(timeUs / 1_000)));
      if (ms !== lastMs) {
        prefix = timeHex(ms) + rest;
        lastMs = ms;
      }
      const bits = mask ^ index++;
      const end = `${HEX_3[bits >>> 20] as string}${HEX_3[(bits >>> 8) & 4_095] as string}${HEX_2[bits & 255] as string}`;
      return prefix + end;
    },
  };
}

let cachedHigh = -1;
let cachedHighText = '';

/** `019aa3ca-ef19`: the upper part changes once in 65 s. */
function timeHex(ms: number): string {
  const high = Math.floor(ms / 0x1_0000);
  if (high !== cachedHigh) {
    cachedHighText = inOnePiece(`${high.toString(16).padStart(8, '0')}-`);
    cachedHigh = high;
  }
  const low = ms - high * 0x1_0000;
  const lowText = `${HEX_2[low >>> 8] as string}${HEX_2[low & 255] as string}`;
  return cachedHighText + lowText;
}
