import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';

/** What a compressed body may grow to, for each byte that was kept. */
const GROWTH_MAX = 8;
const PARTIAL = { finishFlush: constants.Z_SYNC_FLUSH };

/** A body that was kept up to a bound, as far as it can be read; nothing for encodings that are not known. */
export function decompress(body: Buffer, encoding: string | undefined): Buffer | undefined {
  const maxOutputLength = body.length * GROWTH_MAX + 1_024;
  try {
    if (encoding === 'gzip' || encoding === 'x-gzip') return gunzipSync(body, { ...PARTIAL, maxOutputLength });
    if (encoding === 'deflate') return inflateSync(body, { ...PARTIAL, maxOutputLength });
    if (encoding !== 'br') return undefined;
    return brotliDecompressSync(body, { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength });
  } catch {
    // Cut off in the middle, larger than the bound, or no such encoding: then nothing is known about it.
    return undefined;
  }
}
