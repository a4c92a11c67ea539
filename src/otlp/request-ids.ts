/**
 * Ids for the items of one request, UUIDv7-shaped: the item's own ms, then bits of the request's digest and the item's
 * index. The same bytes therefore give the same ids again, wherever and whenever they are received.
 */
export interface RequestIds {
  next(timeUs: number): string;
}

const MS_MAX = 0xffff_ffff_ffff;

/** @param digest hex, at least 24 characters */
export function createRequestIds(digest: string): RequestIds {
  const randomA = digest.slice(0, 3);
  const variant = ((Number.parseInt(digest.slice(3, 4), 16) & 3) | 8).toString(16);
  const middle = variant + digest.slice(4, 7);
  const tail = digest.slice(7, 11);
  const mask = Number.parseInt(digest.slice(11, 19), 16);
  let index = 0;
  let lastMs = -1;
  let prefix = '';
  return {
    next(timeUs) {
      const ms = Math.min(MS_MAX, Math.max(0, Math.floor(timeUs / 1_000)));
      if (ms !== lastMs) {
        const hex = ms.toString(16).padStart(12, '0');
        prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomA}-${middle}-${tail}`;
        lastMs = ms;
      }
      return prefix + ((mask ^ index++) >>> 0).toString(16).padStart(8, '0');
    },
  };
}
