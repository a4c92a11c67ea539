import type { AttributeValue } from '../activity/activity.ts';
import { collectBody, observeResponseBody, type ResponseObserver } from './body-observer.ts';
import { type Exchange, emitFor, errorType, formatDuration, round, type UpstreamRequest } from './exchange.ts';
import { parseJson, topLevelScalars } from './genai-json.ts';
import { findModelApi, type GenAiRequest, readGenAiRequest } from './genai-request.ts';
import { guarded } from './guard.ts';

/** How long `gateway.request_sent` waits for the body (and its model name) while a connection is being made. */
const SENT_WAIT_MS = 1_000;

/** One attempt to reach an upstream: exactly one `gateway.request_sent` and one `gateway.response_received`. */
export class UpstreamCall {
  readonly startMs = performance.now();
  /** The call goes to a language model's API: only then its bodies are looked into. */
  readonly toModel: boolean;
  readonly response: ResponseObserver;
  /** Status of the final response. */
  status: number | undefined;
  /** Type of the failure, also of one in the middle of the body. */
  error: string | undefined;
  readonly #exchange: Exchange;
  readonly #request: UpstreamRequest;
  readonly #attempt: number;
  readonly #requestBody;
  readonly #sentTimer: NodeJS.Timeout;
  #asked: GenAiRequest | undefined;
  #sent = false;
  #answered = false;

  constructor(exchange: Exchange, request: UpstreamRequest) {
    const { url } = request;
    this.#exchange = exchange;
    this.#request = request;
    this.#attempt = ++exchange.attempts;
    this.toModel = findModelApi({ host: url.hostname, path: url.pathname }) !== undefined;
    this.#requestBody = collectBody(exchange.settings.bodyBytesMax);
    this.response = observeResponseBody(exchange.settings);
    this.#sentTimer = setTimeout(
      guarded('an upstream call', () => this.requestSent()),
      SENT_WAIT_MS,
    );
    this.#sentTimer.unref();
  }

  /** Whether what was sent is a request to a model. */
  get genAi(): boolean {
    return this.#asked !== undefined;
  }

  addRequestChunk(chunk: unknown, encoding?: unknown): void {
    if (this.toModel && !this.#sent) this.#requestBody.add(chunk, encoding);
  }

  requestSent(): void {
    if (this.#sent) return;
    this.#sent = true;
    clearTimeout(this.#sentTimer);
    this.#asked = this.#readRequest();
    emitFor(this.#exchange, 'gateway.request_sent', {
      summary: this.#sentence(),
      data: { ...this.#attributes(), ...this.#asked?.attributes },
    });
  }

  /** @param encoding `Content-Encoding` of the body */
  responseStarted(status: number, encoding: string | undefined): void {
    if (status < 200) return;
    this.status = status;
    this.response.encoding = encoding;
    const summary = `Response received: ${status} from ${this.#request.url.host}`;
    this.#answer(status < 400 ? 'info' : 'warn', summary, { 'http.response.status_code': status });
  }

  addResponseChunk(chunk: unknown): void {
    if (this.toModel) this.response.add(chunk);
  }

  failed(thrown: unknown): void {
    this.error ??= errorType(thrown);
    const { host } = this.#request.url;
    if (isAbort(thrown)) this.#answer('warn', `Request to ${host} given up`, { cancelled: true, error: this.error });
    else this.#answer('warn', `No response from ${host}: ${this.error}`, { error: this.error });
  }

  #answer(severity: 'info' | 'warn', summary: string, data: Record<string, AttributeValue>): void {
    if (this.#answered) return;
    this.#answered = true;
    this.requestSent();
    const elapsedMs = round(performance.now() - this.startMs);
    emitFor(this.#exchange, 'gateway.response_received', {
      severity,
      summary: `${summary} after ${formatDuration(elapsedMs)}`,
      data: { ...this.#attributes(), ...data, 'upstream.duration_ms': elapsedMs },
    });
  }

  #attributes(): Record<string, AttributeValue> {
    const { method, url } = this.#request;
    return {
      'upstream.attempt': this.#attempt,
      'upstream.host': url.host,
      'http.request.method': method,
      'url.path': url.pathname,
    };
  }

  #readRequest(): GenAiRequest | undefined {
    const text = this.#requestBody.text();
    if (!text.trimStart().startsWith('{')) return undefined;
    const json = this.#requestBody.truncated ? topLevelScalars(text) : parseJson(text);
    const { hostname, pathname } = this.#request.url;
    return readGenAiRequest(json, { host: hostname, path: pathname }, this.#exchange.settings.captureContent);
  }

  /** "Request sent: gpt-4o (stream=true) to api.openai.com, attempt 2" */
  #sentence(): string {
    const { method, url } = this.#request;
    const asked = this.#asked;
    const what = asked === undefined ? `${method} ${url.pathname}` : `${asked.model} (stream=${asked.stream})`;
    return `Request sent: ${what} to ${url.host}${this.#attempt > 1 ? `, attempt ${this.#attempt}` : ''}`;
  }
}

function isAbort(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown && thrown.name === 'AbortError';
}
