import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { LivespanError } from '../errors.ts';

type Inflate = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const DECODERS: ReadonlyMap<string, Inflate> = new Map<string, Inflate>([
  ['gzip', promisify(zlib.gunzip)],
  ['x-gzip', promisify(zlib.gunzip)],
  ['deflate', promisify(zlib.inflate)],
  // Node 22.15 and newer.
  ...(typeof zlib.zstdDecompress === 'function' ? ([['zstd', promisify(zlib.zstdDecompress)]] as const) : []),
]);

/** The value of Accept-Encoding that a 415 carries. */
export const ENCODINGS = [...DECODERS.keys(), 'identity'].filter((name) => name !== 'x-gzip').join(', ');

/**
 * The whole body, decompressed; neither form may be larger than `bytesMax`, and a bomb costs at most that.
 * @throws LivespanError `payload_too_large`, `unsupported_media_type` (an encoding we do not know), `invalid_request`
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decode = DECODERS.get(encoding);
  if (decode === undefined && encoding !== 'identity') {
    throw new LivespanError('unsupported_media_type', `Content-Encoding must be one of ${ENCODINGS}`);
  }
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const body = await collect(request, bytesMax);
  if (decode === undefined || body.length === 0) return body;
  try {
    return await decode(body, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(bytesMax);
    throw new LivespanError('invalid_request', `The body is not ${encoding}`, { cause: error });
  }
}

function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bytesMax) chunks.push(chunk);
      else {
        chunks.length = 0;
        reject(tooLarge(bytesMax));
      }
    });
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    );
    request.on('error', (error) =>
      reject(new LivespanError('invalid_request', 'The body broke off', { cause: error })),
    );
    request.on('close', () => {
      // It comes after every request; an error is made only where it says something.
      if (!request.complete) reject(new LivespanError('invalid_request', 'The body broke off'));
    });
  });
}

function tooLarge(bytesMax: number): LivespanError {
  return new LivespanError(
    'payload_too_large',
    `The body is larger than ${bytesMax} bytes, counted after decompression`,
  );
}
