import type { Connection } from '../state/model.ts';
import { cursorOf } from './lines.ts';
import { type Refusal, readRefusal } from './refusal.ts';

export type StreamState = Exclude<Connection, { state: 'file' }>;

export interface StreamOptions {
  /** Where the routes are: empty in a page, `http://…` elsewhere. */
  base: string;
  filter: string;
  /** Where to go on; absent is from now on. */
  cursor?: string;
  headers?: Readonly<Record<string, string>>;
  /** Complete lines of the `ndjson` format, each with its line end, as they came. */
  onLines: (text: string) => void;
  /** Told of changes; it begins as `connecting`. */
  onState: (state: StreamState) => void;
  /** First wait between tries, ms (500). It doubles up to `retryMaxMs` (15,000). */
  retryMs?: number;
  retryMaxMs?: number;
}

export interface Stream {
  /** The last place that was seen; '' before the first. */
  readonly cursor: string;
  /** Tries now instead of waiting on. */
  retryNow(): void;
  close(): void;
}

const HEARTBEAT_DEFAULT_MS = 15_000;

/**
 * `GET /activity/stream` as `ndjson` by fetch: unlike EventSource it shows heartbeats and starting cursors, so silence is
 * noticed and a resume is exact also under a filter that lets nothing by; and a refusal comes with its status and words.
 * Comes back by itself, with the last cursor, until it is closed or refused for good.
 */
export function openStream(options: StreamOptions): Stream {
  const connection = new StreamConnection(options);
  void connection.run();
  return connection;
}

class StreamConnection implements Stream {
  readonly #options: StreamOptions;
  readonly #closing = new AbortController();
  cursor: string;
  #failures = 0;
  #downSinceMs: number | undefined;
  #wake: (() => void) | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.cursor = options.cursor ?? '';
  }

  async run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const failure = await this.#connect();
      if (this.#closing.signal.aborted) return;
      this.#downSinceMs ??= Date.now();
      if (isRefusal(failure) && this.#tell(failure)) {
        await this.#wait(undefined);
        if (!this.#closing.signal.aborted) this.#options.onState({ state: 'connecting' });
        continue;
      }
      const delayMs = this.#delayMs(isRefusal(failure) ? failure.retryAfterMs : failure.retryMs);
      const retryAtMs = Date.now() + delayMs;
      if (isRefusal(failure) && failure.status === 503) {
        this.#options.onState({ state: 'overloaded', code: failure.code, detail: failure.detail, retryAtMs });
      } else {
        const sinceMs = this.#downSinceMs;
        const { detail } = failure;
        this.#options.onState({ state: 'reconnecting', sinceMs, attempt: this.#failures, retryAtMs, detail });
      }
      await this.#wait(delayMs);
    }
  }

  retryNow(): void {
    this.#wake?.();
  }

  close(): void {
    this.#closing.abort();
    this.#wake?.();
  }

  /** One connection, until it ends. Never rejects. */
  async #connect(): Promise<Refusal | { detail: string; retryMs: number }> {
    const silence = new AbortController();
    const { base, filter, headers } = this.#options;
    const query = new URLSearchParams({ format: 'ndjson', ...(filter !== '' && { filter }) });
    let timer = setTimeout(() => silence.abort(), HEARTBEAT_DEFAULT_MS);
    try {
      const response = await fetch(`${base}/activity/stream?${query}`, {
        headers: { ...headers, ...(this.cursor !== '' && { 'last-event-id': this.cursor }) },
        signal: AbortSignal.any([this.#closing.signal, silence.signal]),
        cache: 'no-store',
      });
      if (response.status !== 200 || response.body === null) return await readRefusal(response);
      const heartbeatMs = Number(response.headers.get('livespan-heartbeat-ms')) || HEARTBEAT_DEFAULT_MS;
      return await this.#read(response.body, () => {
        clearTimeout(timer);
        // A reader that hears nothing for two heartbeats is talking to nobody.
        timer = setTimeout(() => silence.abort(), heartbeatMs * 2 + 2_000);
      });
    } catch {
      const detail = silence.signal.aborted ? 'The stream went silent' : 'The server cannot be reached';
      return { detail, retryMs: 0 };
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  async #read(body: ReadableStream<Uint8Array>, sign: () => void): Promise<{ detail: string; retryMs: number }> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    let isLive = false;
    let end = { detail: 'The connection was cut', retryMs: 0 };
    sign();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      sign();
      const text = rest + decoder.decode(part.value, { stream: true });
      const lineEnd = text.lastIndexOf('\n') + 1;
      rest = text.slice(lineEnd);
      if (lineEnd === 0) continue;
      if (!isLive) {
        isLive = true;
        this.#failures = 0;
        this.#downSinceMs = undefined;
        this.#options.onState({ state: 'live' });
      }
      end = this.#take(text.slice(0, lineEnd)) ?? end;
    }
    return end;
  }

  /** Hands lines on; returns the announced end if it is among them. */
  #take(lines: string): { detail: string; retryMs: number } | undefined {
    const lastAt = lines.lastIndexOf('\n', lines.length - 2) + 1;
    const last = lines.slice(lastAt);
    // The end comes last and repeats the cursor; every other line has one but the first on an unknown log.
    this.cursor = cursorOf(last) ?? this.cursor;
    const isEnd = last.startsWith('{"type":"end"');
    const handed = isEnd ? lines.slice(0, lastAt) : lines;
    if (handed !== '') this.#options.onLines(handed);
    if (!isEnd) return undefined;
    const retryMs = Number(/"retryMs":(\d{1,9})/.exec(last)?.[1] ?? 0);
    const isClosing = last.includes('"reason":"closing"');
    return { detail: isClosing ? 'The server is stopping' : 'The server ended the stream', retryMs };
  }

  /** Says a no that trying again does not change. */
  #tell({ status, code, detail, column }: Refusal): boolean {
    if (status === 401 || status === 403) this.#options.onState({ state: 'denied', status, detail });
    else if (status === 400 && code === 'invalid_cursor' && this.cursor !== '') {
      // Not a cursor of this server: from now on is all that is left.
      this.cursor = '';
      return false;
    } else if (status >= 400 && status < 500 && status !== 404 && status !== 408 && status !== 429) {
      this.#options.onState({ state: 'refused', code, detail, column });
    } else return false;
    return true;
  }

  #delayMs(askedMs: number): number {
    const { retryMs = 500, retryMaxMs = 15_000 } = this.#options;
    const backOffMs = Math.min(retryMaxMs, retryMs * 2 ** Math.min(this.#failures, 10)) * (0.75 + Math.random() / 2);
    this.#failures += 1;
    return Math.round(Math.max(backOffMs, askedMs));
  }

  /** @param delayMs `undefined` waits until it is woken. */
  #wait(delayMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = delayMs === undefined ? undefined : setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#closing.signal.aborted) this.#wake();
    });
  }
}

function isRefusal(failure: Refusal | { detail: string; retryMs: number }): failure is Refusal {
  return 'status' in failure;
}
