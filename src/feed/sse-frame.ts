import type { RingSlot } from './ring.ts';

/**
 * Bytes of the stream. `sse` and `message` are text/event-stream (WHATWG HTML, "Server-sent events"); `message` has no
 * `event:` lines, so that `EventSource.onmessage` sees everything. `ndjson` is one JSON object a line: activities, and
 * control objects told by their `type` (activities have none): `position` (start and heartbeat), `gap`, `lagged`,
 * `reset`, `end`.
 */
export const STREAM_FORMATS = ['sse', 'message', 'ndjson'] as const;
export type StreamFormat = (typeof STREAM_FORMATS)[number];

export const CONTENT_TYPES: Readonly<Record<StreamFormat, string>> = {
  sse: 'text/event-stream; charset=utf-8',
  message: 'text/event-stream; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

/** Why the server ends a stream; the reader comes back with the cursor it was given. */
export type EndReason = 'closing' | 'overrun';

interface LaggedFrame {
  type: 'lagged';
  /** Cursor of the last skipped entry. */
  cursor: string;
  missed: number;
  /** From here on 1 in `sampled` entries is sent; 1 is all of them. Absent where nothing is sampled. */
  sampled?: number;
}

export type Frame = RingSlot | LaggedFrame;

const LINE_END = /\r\n|\r|\n/g;

/** JSON on one line: its raw line ends are white space between tokens (within strings they are escaped). */
function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(LINE_END, ' ') : json;
}

function controlJson(frame: Exclude<Frame, { type: 'activity' }>): string {
  const { type, cursor } = frame;
  if (frame.type === 'reset') return JSON.stringify({ type, cursor });
  if (frame.type === 'gap') return JSON.stringify({ type, cursor, missed: frame.missed });
  return JSON.stringify({ type, cursor, missed: frame.missed, sampled: frame.sampled });
}

/** One slot or control frame as text, with its end. */
export function frameText(frame: Frame, format: StreamFormat): string {
  const json = frame.type === 'activity' ? oneLine(frame.json) : controlJson(frame);
  if (format === 'ndjson') return `${json}\n`;
  if (format === 'message') return `id: ${frame.cursor}\ndata: ${json}\n\n`;
  const event = frame.type === 'activity' ? frame.activity.kind : frame.type;
  return `id: ${frame.cursor}\nevent: ${event}\ndata: ${json}\n\n`;
}

/**
 * The first bytes: a comment (Firefox fires `open` only at the first body byte), the retry time, the starting cursor.
 * @param cursor here and below: empty while nothing is known of the log
 */
export function startText(format: StreamFormat, cursor: string, retryMs: number): string {
  if (format === 'ndjson') return positionLine(cursor);
  return `: livespan\nretry: ${retryMs}\n${idLine(cursor)}\n`;
}

/** A comment against proxies' idle limits, and a bare `id:` that moves the cursor of a reader whose filter lets little by. */
export function heartbeatText(format: StreamFormat, cursor: string): string {
  return format === 'ndjson' ? positionLine(cursor) : `: heartbeat\n${idLine(cursor)}\n`;
}

/** The last bytes before the server ends the stream. */
export function endText(format: StreamFormat, cursor: string, retryMs: number, reason: EndReason): string {
  if (format !== 'ndjson') return `: ${reason}\nretry: ${retryMs}\n${idLine(cursor)}\n`;
  return `${JSON.stringify({ type: 'end', ...(cursor === '' ? {} : { cursor }), reason, retryMs })}\n`;
}

function positionLine(cursor: string): string {
  return `${JSON.stringify({ type: 'position', ...(cursor === '' ? {} : { cursor }) })}\n`;
}

/** An empty `id:` would make the client forget the one it has. */
function idLine(cursor: string): string {
  return cursor === '' ? '' : `id: ${cursor}\n`;
}

/** Text as it goes to the socket: one chunk of RFC 9112 section 7.1 where the body is chunked, else bare. */
export function toWire(text: string, chunked: boolean): Buffer {
  return Buffer.from(chunked ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text);
}
