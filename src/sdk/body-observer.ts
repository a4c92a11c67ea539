import { StringDecoder } from 'node:string_decoder';
import { decompress } from './decompress.ts';
import { parseJson } from './genai-json.ts';
import { emptyGenAiResponse, type GenAiResponse, isTelling, readGenAiResponse } from './genai-response.ts';

/** Most that one body may hold in memory, bytes. */
export const BODY_BYTES_MAX = 262_144;
const LINE_CHARS_MAX = 65_536;

/** The first bytes of a body, up to a bound. */
export interface BodyStart {
  add(chunk: unknown, encoding?: unknown): void;
  readonly truncated: boolean;
  bytes(): Buffer;
  text(): string;
}

export function collectBody(bytesMax: number): BodyStart {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let truncated = false;
  return {
    get truncated() {
      return truncated;
    },
    add(chunk, encoding) {
      if (truncated) return;
      const data = toBytes(chunk, encoding);
      if (data === undefined || data.length === 0) return;
      if (bytes + data.length > bytesMax) truncated = true;
      // A copy: the application may reuse its buffer once it was written.
      const part = Buffer.from(data.subarray(0, bytesMax - bytes));
      chunks.push(part);
      bytes += part.length;
    },
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

/** A body that passes by, watched for what a language model says about its answer. No byte is changed or held back. */
export interface ResponseObserver {
  add(chunk: unknown, encoding?: unknown): void;
  /** `Content-Encoding`, set before the first chunk: such a body is kept, and read only when the result is asked for. */
  encoding: string | undefined;
  /** When the first chunk (of a stream: the first event) came, `performance.now()`. */
  readonly firstChunkMs: number | undefined;
  readonly streamed: boolean;
  result(): GenAiResponse;
}

export function observeResponseBody(options: { bodyBytesMax: number; captureContent: boolean }): ResponseObserver {
  const response = emptyGenAiResponse();
  let format: Format | 'encoded' = 'unknown';
  let firstChunkMs: number | undefined;
  let whole: BodyStart | undefined;
  let parsed = false;
  let start = Buffer.alloc(0);
  const lines = readLines((line) => {
    if (!line.startsWith('data:')) return;
    const data = line.slice(5).trimStart();
    if (response.model !== undefined && !options.captureContent && !isTelling(data)) return;
    readGenAiResponse(parseJson(data), response, options.captureContent);
  });

  return {
    encoding: undefined,
    get firstChunkMs() {
      return firstChunkMs;
    },
    get streamed() {
      return format === 'sse';
    },
    add(chunk, encoding) {
      if (format === 'other') return;
      let data = toBytes(chunk, encoding);
      if (data === undefined || data.length === 0) return;
      firstChunkMs ??= performance.now();
      if (this.encoding !== undefined && this.encoding !== 'identity') format = 'encoded';
      if (format === 'unknown') {
        start = Buffer.concat([start, data]);
        format = sniff(start);
        data = start;
      }
      if (format === 'sse') lines.add(data);
      else if (format === 'json' || format === 'encoded') {
        whole ??= collectBody(options.bodyBytesMax);
        whole.add(data);
      }
    },
    result() {
      if (whole === undefined || parsed) return response;
      parsed = true;
      if (format === 'json' && !whole.truncated) {
        readGenAiResponse(parseJson(whole.text()), response, options.captureContent);
      }
      if (format !== 'encoded') return response;
      const inner = observeResponseBody(options);
      inner.add(decompress(whole.bytes(), this.encoding));
      format = inner.streamed ? 'sse' : 'other';
      return Object.assign(response, inner.result());
    },
  };
}

type Format = 'unknown' | 'json' | 'sse' | 'other';
const EVENT_START = /^(?:data|event|id|retry)?:/;

/** By the first characters that tell; headers are not always to be had, and not always right. */
function sniff(start: Buffer): Format {
  const text = start.subarray(0, 64).toString('latin1').trimStart();
  if (text.startsWith('{')) return 'json';
  if (EVENT_START.test(text)) return 'sse';
  return text.length < 6 && start.length < 64 ? 'unknown' : 'other';
}

/** Splits at LF, CR LF and CR; a line longer than the bound is left out, so that memory stays bounded. */
function readLines(onLine: (line: string) => void): { add(data: Uint8Array): void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let skipping = false;
  return {
    add(data) {
      const text = decoder.write(Buffer.from(data.buffer, data.byteOffset, data.length));
      const parts = text.split(/\r\n|\n|\r/);
      parts[0] = rest + parts[0];
      rest = parts.pop() ?? '';
      for (const line of parts) {
        if (!skipping && line !== '') onLine(line);
        skipping = false;
      }
      if (rest.length > LINE_CHARS_MAX) {
        rest = '';
        skipping = true;
      }
    },
  };
}

function toBytes(chunk: unknown, encoding?: unknown): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk !== 'string') return undefined;
  return Buffer.from(chunk, typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8');
}

/** Length of what `write` was given, bytes. */
export function byteLength(chunk: unknown, encoding?: unknown): number {
  if (chunk instanceof Uint8Array) return chunk.byteLength;
  if (typeof chunk !== 'string') return 0;
  return Buffer.byteLength(chunk, typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8');
}
