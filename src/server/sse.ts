import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Position, parseCursor } from '../activity/cursor.ts';
import { parseSince } from '../activity/since.ts';
import { readOptions } from '../config.ts';
import { LivespanError } from '../errors.ts';
import { FanOut } from '../feed/fan-out.ts';
import type { FanOutStats } from '../feed/fan-out-stats.ts';
import type { LaneChoice } from '../feed/lane-table.ts';
import type { LiveFeed } from '../feed/live-feed.ts';
import { CONTENT_TYPES, STREAM_FORMATS, type StreamFormat } from '../feed/sse-frame.ts';
import type { OverrunPolicy } from '../feed/stragglers.ts';
import { SECURITY_HEADERS, writeProblem } from './problem.ts';
import { readChoice, readFilter } from './query.ts';

/** Query of `GET /activity/stream`, each absent or as it stands in the address. */
interface StreamQuery {
  /** Filter language; empty is everything. */
  filter?: string | undefined;
  /** Duration back from now (`5m`), ISO time, or cursor; absent is from now on. `Last-Event-ID` wins over it. */
  since?: string | undefined;
  /** `sse` (default), `message` or `ndjson`. */
  format?: string | undefined;
}

export interface StreamOptions {
  feed: LiveFeed;
  readersMax?: number | undefined;
  readersPerAddressMax?: number | undefined;
  overrun?: OverrunPolicy | undefined;
  heartbeatMs?: number | undefined;
  /** A reader that takes nothing for so long is cut, ms (30,000). */
  stallMs?: number | undefined;
  /** Longest wait at the end for readers to take their last bytes, ms (2,000). */
  drainMs?: number | undefined;
  /** After how long readers come back when they were cut, about, ms (1,000). */
  retryMs?: number | undefined;
  /** How long a sampled reader must keep up before it gets twice as much, ms (10,000). */
  sampleCalmMs?: number | undefined;
}

export interface StreamStats extends FanOutStats {
  /** Requests refused because there were too many readers. */
  refused: number;
}

export interface StreamHandler {
  /**
   * Answers `GET` (and `HEAD`) `/activity/stream` on the raw response: a stream, or a problem before its first byte
   * (`invalid_filter`, `invalid_cursor`, `invalid_request`, `too_many_readers`, `closed`). Never throws.
   */
  handle(request: IncomingMessage, response: ServerResponse, query: StreamQuery): void;
  stats(): StreamStats;
  /** Ends every stream with its exact cursor and a time to come back. May be called twice. */
  close(): Promise<void>;
}

/** @throws LivespanError `invalid_option` */
export function createStreamHandler(options: StreamOptions): StreamHandler {
  return new SseHandler(options);
}

class SseHandler implements StreamHandler {
  readonly #feed: LiveFeed;
  readonly #fanOut: FanOut;
  readonly #heartbeatMs: number;
  readonly #readersMax: number;
  readonly #readersPerAddressMax: number;
  readonly #addresses = new Map<string, number>();
  #readers = 0;
  #refused = 0;
  #closed = false;

  constructor(options: StreamOptions) {
    const { readersMax, readersPerAddressMax, heartbeatMs, overrun } = readOptions(
      ['readersMax', 'readersPerAddressMax', 'heartbeatMs', 'overrun'],
      options,
    );
    this.#feed = options.feed;
    this.#heartbeatMs = heartbeatMs;
    this.#readersMax = readersMax;
    this.#readersPerAddressMax = readersPerAddressMax;
    this.#fanOut = new FanOut({
      feed: options.feed,
      overrun: overrun as OverrunPolicy,
      heartbeatMs,
      stallMs: options.stallMs ?? 30_000,
      drainMs: options.drainMs ?? 2_000,
      retryMs: options.retryMs ?? 1_000,
      sampleCalmMs: options.sampleCalmMs ?? 10_000,
      onClosed: (reader) => this.#release(reader.address),
    });
  }

  handle(request: IncomingMessage, response: ServerResponse, query: StreamQuery): void {
    try {
      if (this.#closed) throw new LivespanError('closed', 'The server is stopping');
      const filter = readFilter(query.filter);
      const format = readChoice('format', query.format, STREAM_FORMATS) ?? 'sse';
      const from = this.#readStart(request, query.since);
      if (request.method === 'HEAD') {
        this.#sendHead(response, format);
        response.end();
        return;
      }
      // A pipelined request has no socket until the answer before it has ended.
      const { socket } = response;
      if (socket === null) response.once('socket', () => this.handle(request, response, query));
      else this.#open(response, socket, { filter, format, chunked: true }, from);
    } catch (error) {
      writeProblem(response, error);
    }
  }

  stats(): StreamStats {
    return { ...this.#fanOut.stats(), refused: this.#refused };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#fanOut.close();
  }

  #open(response: ServerResponse, socket: Socket, choice: LaneChoice, from: Position | undefined): void {
    if (socket.destroyed) return;
    this.#admit(socket.remoteAddress ?? '');
    this.#sendHead(response, choice.format);
    socket.setNoDelay(true);
    socket.setTimeout(0);
    // From here on the body goes straight to the socket, one shared Buffer for many readers, framed as the head says.
    this.#fanOut.open(response, socket, { ...choice, chunked: response.chunkedEncoding }, from);
  }

  /** `X-Accel-Buffering` is for nginx, which would otherwise hold frames back; the last one tells clients when a stream is dead. */
  #sendHead(response: ServerResponse, format: StreamFormat): void {
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': CONTENT_TYPES[format],
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'livespan-heartbeat-ms': this.#heartbeatMs,
    });
    response.flushHeaders();
  }

  #readStart(request: IncomingMessage, since: string | undefined): Position | undefined {
    const header = request.headers['last-event-id'];
    if (typeof header === 'string' && header !== '') {
      const position = parseCursor(header);
      if (position !== undefined) return position;
      throw invalidCursor('Last-Event-ID', 'Must be a cursor as the stream gave it, <ms>-<n>');
    }
    if (since === undefined || since === '') return undefined;
    const parsed = parseSince(since, this.#feed.nowMs());
    if (parsed.ok) return parsed.position;
    throw invalidCursor('since', parsed.message);
  }

  #admit(address: string): void {
    const here = this.#addresses.get(address) ?? 0;
    const total = this.#readers >= this.#readersMax;
    if (total || here >= this.#readersPerAddressMax) {
      this.#refused += 1;
      const limit = total ? this.#readersMax : this.#readersPerAddressMax;
      throw new LivespanError(
        'too_many_readers',
        `There ${limit === 1 ? 'is 1 reader' : `are ${limit} readers`}${total ? '' : ' from this address'} already`,
        {
          details: { limit },
        },
      );
    }
    this.#readers += 1;
    this.#addresses.set(address, here + 1);
  }

  #release(address: string): void {
    this.#readers -= 1;
    const left = (this.#addresses.get(address) ?? 1) - 1;
    if (left === 0) this.#addresses.delete(address);
    else this.#addresses.set(address, left);
  }
}

function invalidCursor(parameter: string, message: string): LivespanError {
  return new LivespanError('invalid_cursor', `${parameter}: ${message}`, { details: { parameter } });
}
