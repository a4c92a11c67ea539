import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import zlib from 'node:zlib';
import { LivespanError } from '../errors.ts';

/** Asked before a piece is kept; no where all requests together hold too much. */
export type Hold = (bytes: number) => boolean;

const PIECE_BYTES = 65_536;
/** What a zstd decoder should allow at least (RFC 8878, section 3.1.1.1.2): 8 MiB. */
const ZSTD_WINDOW_LOG_MIN = 23;

const DECODERS: ReadonlyMap<string, (bytesMax: number) => Transform> = new Map<string, (bytesMax: number) => Transform>(
  [
    ['gzip', () => zlib.createGunzip({ chunkSize: PIECE_BYTES })],
    ['x-gzip', () => zlib.createGunzip({ chunkSize: PIECE_BYTES })],
    ['deflate', () => zlib.createInflate({ chunkSize: PIECE_BYTES })],
    // Node 22.15 and newer.
    ...(typeof zlib.createZstdDecompress === 'function' ? ([['zstd', unzstd]] as const) : []),
  ],
);

/** The value of Accept-Encoding that a 415 carries. */
export const ENCODINGS = [...DECODERS.keys(), 'identity'].filter((name) => name !== 'x-gzip').join(', ');

/** A frame says how large a window its decoder has to set up: by default up to 128 MiB. */
function unzstd(bytesMax: number): Transform {
  const windowLogMax = Math.max(ZSTD_WINDOW_LOG_MIN, Math.ceil(Math.log2(bytesMax)));
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: windowLogMax };
  return zlib.createZstdDecompress({ chunkSize: PIECE_BYTES, params });
}

/**
 * The whole body, decompressed; neither form may be larger than `bytesMax`, and a bomb costs at most that.
 * @returns `undefined` where `hold` says no
 * @throws LivespanError `payload_too_large`, `unsupported_media_type` (an encoding we do not know), `invalid_request`
 */
export async function readBody(request: IncomingMessage, bytesMax: number, hold: Hold): Promise<Buffer | undefined> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder = DECODERS.get(encoding);
  if (decoder === undefined && encoding !== 'identity') {
    throw new LivespanError('unsupported_media_type', `Content-Encoding must be one of ${ENCODINGS}`);
  }
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const body = await gather(request, bytesMax, hold, 'The body broke off');
  if (body === undefined || decoder === undefined || body.length === 0) return body;
  const decoded = decoder(bytesMax);
  decoded.end(body);
  try {
    return await gather(decoded, bytesMax, hold, `The body is not ${encoding}`);
  } finally {
    decoded.destroy();
  }
}

/** Settles whatever becomes of the source; after it has settled it keeps nothing of it. */
function gather(source: Readable, bytesMax: number, hold: Hold, complaint: string): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const take = (piece: Buffer): void => {
      length += piece.length;
      if (length <= bytesMax && hold(piece.length)) {
        pieces.push(piece);
        return;
      }
      source.off('data', take);
      pieces.length = 0;
      if (length > bytesMax) reject(tooLarge(bytesMax));
      else resolve(undefined);
    };
    const fail = (cause?: NodeJS.ErrnoException): void => {
      if (cause?.code === 'ZSTD_error_frameParameter_windowTooLarge') reject(tooLarge(bytesMax));
      else reject(new LivespanError('invalid_request', complaint, { cause }));
    };
    source.on('data', take);
    source.on('end', () => resolve(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)));
    source.on('error', fail);
    source.on('close', () => {
      // It comes after every end as well; an error is made only where it says something.
      if (!source.readableEnded) fail();
    });
  });
}

function tooLarge(bytesMax: number): LivespanError {
  return new LivespanError(
    'payload_too_large',
    `The body is larger than ${bytesMax} bytes, counted after decompression`,
  );
}
