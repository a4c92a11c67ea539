import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser';
import { decodeActivity } from '../activity/codec.ts';
import { connectionProblem } from '../bus/connection-problem.ts';
import { log } from '../diag.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import { checkServerUrl } from '../server-url.ts';
import type { FeedMessage } from './open-feed.ts';
import { type Refusal, readRefusal } from './refusal.ts';

export interface RemoteFeedOptions {
  /** Address of a livespan server, e.g. `http://127.0.0.1:4319`; a path before the routes is kept. */
  url: string;
  /** Duration (`5m`), ISO time or cursor; absent is from now on. */
  since?: string | undefined;
  filter?: string | undefined;
  /** Bearer token. */
  token?: string | undefined;
  /** Ends the feed without an error. */
  signal?: AbortSignal | undefined;
  /** The process may end although the feed is open. */
  unref?: boolean | undefined;
  /** Told of each try that failed, of the wait before the next one, ms, and how many had failed in a row before. */
  onRetry?: ((error: LivespanError, delayMs: number, failures: number) => void) | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
const HEARTBEAT_DEFAULT_MS = 15_000;
const RETRY_DEFAULT_MS = 500;
const RETRY_MAX_MS = 30_000;
/** An activity is at most 1 MiB; more without an end of line is not our stream. */
const EVENT_CHARS_MAX = 4 * 1_048_576;

/** The key of `suppressTracing` in @opentelemetry/core, which need not be loaded for it. */
const SUPPRESS = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * The feed of a livespan server over SSE (WHATWG HTML, "Server-sent events"). Comes back by itself after a cut, with the
 * last cursor, so nothing is lost or repeated; what the log no longer has is a `gap` or `reset` message. Reads only as fast
 * as it is consumed.
 * @throws LivespanError what the server refuses for good: status 400, 401, 403
 */
export async function* openRemoteFeed(options: RemoteFeedOptions): AsyncGenerator<FeedMessage, void, undefined> {
  const connection = new RemoteConnection(options);
  try {
    for (;;) {
      try {
        yield* connection.run();
        if (connection.aborted) return;
        await connection.pause(new LivespanError('log_unavailable', 'The server ended the stream'));
      } catch (error) {
        if (connection.aborted) return;
        const failure = connection.failure(error);
        if (connection.isFinal(failure)) throw failure;
        await connection.pause(failure);
      }
      if (connection.aborted) return;
    }
  } finally {
    connection.close();
  }
}

/** One connection after the other, and what has to be remembered between them. */
class RemoteConnection {
  readonly #options: RemoteFeedOptions;
  readonly #address: URL;
  readonly #onAbort = (): void => this.close();
  #cursor = '';
  #retryMs = RETRY_DEFAULT_MS;
  #retryAfterMs = 0;
  /** Tries in a row that brought nothing. */
  #failures = 0;
  #final: LivespanError | undefined;
  #closed = false;
  /** Ends what is under way: a request, a response or a pause. */
  #cancel: (() => void) | undefined;

  constructor(options: RemoteFeedOptions) {
    this.#options = options;
    this.#address = streamAddress(options);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted) this.#closed = true;
  }

  get aborted(): boolean {
    return this.#closed;
  }

  failure(thrown: unknown): LivespanError {
    const problem = connectionProblem(thrown, this.#address.host, { plain: 'http://', tls: 'https://' });
    if (problem === undefined) return toLivespanError(thrown, 'log_unavailable');
    return new LivespanError('log_unavailable', problem, { cause: thrown });
  }

  isFinal(error: LivespanError): boolean {
    return error === this.#final;
  }

  close(): void {
    this.#closed = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#cancel?.();
  }

  /** Until the connection ends; rejects where it breaks. */
  async *run(): AsyncGenerator<FeedMessage, void, undefined> {
    if (this.#closed) return;
    this.#retryAfterMs = 0;
    const response = await context.with(ROOT_CONTEXT.setValue(SUPPRESS, true), () => this.#connect());
    this.#cancel = () => response.destroy();
    try {
      if (response.statusCode !== 200 || !/^text\/event-stream\b/i.test(response.headers['content-type'] ?? '')) {
        throw this.#refused(await readRefusal(response));
      }
      yield* this.#read(response);
    } finally {
      this.#cancel = undefined;
      response.destroy();
    }
  }

  /** Waits before the next try: longer each time in a row, spread, and never shorter than the server asked for. */
  async pause(error: LivespanError): Promise<void> {
    const failures = this.#failures;
    const steps = Math.max(0, failures - 1);
    this.#failures += 1;
    const backOffMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2 ** Math.min(steps, 16)) * (0.75 + Math.random() / 2);
    const delayMs = Math.round(Math.max(backOffMs, this.#retryAfterMs));
    log.debug(`The feed comes back in ${delayMs} ms: ${error.message}`);
    this.#options.onRetry?.(error, delayMs, failures);
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = this.#timer(resolve, delayMs);
      this.#cancel = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#cancel = undefined;
  }

  #connect(): Promise<IncomingMessage> {
    const { token, unref } = this.#options;
    const headers: Record<string, string> = { accept: 'text/event-stream', 'cache-control': 'no-store' };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (this.#cursor !== '') headers['last-event-id'] = this.#cursor;
    const send = this.#address.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      // Not from the application's pool: a stream would occupy a place of it for ever.
      const request = send(this.#address, { headers, agent: false });
      const timer = this.#timer(
        () => request.destroy(new LivespanError('timeout', 'The server did not answer')),
        CONNECT_TIMEOUT_MS,
      );
      this.#cancel = () => request.destroy();
      if (unref) request.on('socket', (socket) => socket.unref());
      request.on('response', (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      request.on('close', () => {
        clearTimeout(timer);
        reject(new LivespanError('log_unavailable', 'The connection was closed'));
      });
      request.end();
    });
  }

  async *#read(response: IncomingMessage): AsyncGenerator<FeedMessage, void, undefined> {
    const heartbeatMs =
      Number(response.headers['livespan-heartbeat-ms'] ?? HEARTBEAT_DEFAULT_MS) || HEARTBEAT_DEFAULT_MS;
    const silenceMs = heartbeatMs * 2 + 2_000;
    const messages: FeedMessage[] = [];
    const parser = this.#parser(messages);
    response.setEncoding('utf8');
    const chunks: AsyncIterator<string> = response[Symbol.asyncIterator]();
    for (;;) {
      // Only while waiting: a consumer that takes its time is not a dead server.
      const timer = this.#timer(
        () => response.destroy(new LivespanError('timeout', 'The stream went silent')),
        silenceMs,
      );
      const step = await chunks.next().finally(() => clearTimeout(timer));
      if (step.done) return;
      this.#failures = 0;
      parser.feed(step.value);
      yield* messages.splice(0);
    }
  }

  #parser(messages: FeedMessage[]): EventSourceParser {
    return createParser({
      maxBufferSize: EVENT_CHARS_MAX,
      onId: (id) => {
        this.#cursor = id;
      },
      onRetry: (retryMs) => {
        this.#retryMs = Math.min(retryMs, RETRY_MAX_MS);
      },
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') throw new LivespanError('log_unavailable', error.message);
      },
      onEvent: (event) => {
        const message = readMessage(event);
        if (message === undefined) log.debug(`The feed left out a message that is no activity, after ${this.#cursor}`);
        else messages.push(message);
      },
    });
  }

  #refused(refusal: Refusal): LivespanError {
    this.#retryAfterMs = refusal.retryAfterMs;
    if (refusal.final) this.#final = refusal.error;
    return refusal.error;
  }

  #timer(callback: () => void, delayMs: number): NodeJS.Timeout {
    const timer = setTimeout(callback, delayMs);
    return this.#options.unref ? timer.unref() : timer;
  }
}

/** @throws LivespanError `invalid_option` */
function streamAddress(options: RemoteFeedOptions): URL {
  checkServerUrl(options.url);
  const address = new URL(options.url);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/activity/stream`;
  address.search = '';
  address.hash = '';
  if (options.filter !== undefined && options.filter !== '') address.searchParams.set('filter', options.filter);
  if (options.since !== undefined && options.since !== '') address.searchParams.set('since', options.since);
  return address;
}

/** A message of the stream, checked; `undefined` where it is none of ours. */
function readMessage(event: EventSourceMessage): FeedMessage | undefined {
  const { event: type, id: cursor, data } = event;
  if (cursor === undefined) return undefined;
  if (type === 'reset') return { type, cursor };
  if (type === 'gap' || type === 'lagged') {
    const missed = readMissed(data);
    return missed === undefined ? undefined : { type, cursor, missed };
  }
  const decoded = decodeActivity(data);
  return decoded.ok ? { type: 'activity', cursor, activity: decoded.activity } : undefined;
}

function readMissed(data: string): number | undefined {
  const missed = /"missed":(\d{1,16})[,}]/.exec(data)?.[1];
  return missed === undefined ? undefined : Number(missed);
}
