import type { AttributeValue } from '../activity/activity.ts';
import { type BodyStart, collectBody, observeResponseBody, type ResponseObserver } from './body-observer.ts';
import { type Exchange, emitFor, errorType, formatDuration, round, type UpstreamRequest } from './exchange.ts';
import { parseJson, topLevelScalars } from './genai-json.ts';
import { findModelApi, type GenAiRequest, readGenAiRequest, type Target } from './genai-request.ts';

/** How long `gateway.request_sent` waits for the body (and its model name) while a connection is being made. */
const SENT_WAIT_MS = 1_000;

/** One attempt to reach an upstream: exactly one `gateway.request_sent` and one `gateway.response_received`. */
export interface UpstreamCall {
  readonly startMs: number;
  readonly response: ResponseObserver;
  /** The call goes to a language model's API: only then its bodies are looked into. */
  readonly toModel: boolean;
  /** And its body was a request to a model. */
  readonly genAi: boolean;
  /** Status of the final response. */
  readonly status: number | undefined;
  /** Type of the failure, also of one in the middle of the body. */
  readonly error: string | undefined;
  addRequestChunk(chunk: unknown, encoding?: unknown): void;
  requestSent(): void;
  responseStarted(status: number, encoding?: string): void;
  addResponseChunk(chunk: unknown): void;
  failed(error: unknown): void;
}

export function openUpstreamCall(exchange: Exchange, request: UpstreamRequest): UpstreamCall {
  const { settings } = exchange;
  const attempt = ++exchange.attempts;
  const startMs = performance.now();
  const toModel = findModelApi(targetOf(request)) !== undefined;
  const requestBody = collectBody(settings.bodyBytesMax);
  const response = observeResponseBody(settings);
  let sent = false;
  let answered = false;
  let genAi: GenAiRequest | undefined;
  let status: number | undefined;
  let error: string | undefined;

  const common: Record<string, AttributeValue> = {
    'upstream.attempt': attempt,
    'upstream.host': request.url.host,
    'http.request.method': request.method,
    'url.path': request.url.pathname,
  };

  const sendEvent = (): void => {
    if (sent) return;
    sent = true;
    clearTimeout(timer);
    genAi = readRequest(exchange, request, requestBody);
    emitFor(exchange, 'gateway.request_sent', {
      summary: sentSentence(request, genAi, attempt),
      data: { ...common, ...genAi?.attributes },
    });
  };
  const timer = setTimeout(sendEvent, SENT_WAIT_MS);
  timer.unref();

  const answerEvent = (severity: 'info' | 'warn', summary: string, data: Record<string, AttributeValue>): void => {
    if (answered) return;
    answered = true;
    sendEvent();
    const elapsedMs = round(performance.now() - startMs);
    emitFor(exchange, 'gateway.response_received', {
      severity,
      summary: `${summary} after ${formatDuration(elapsedMs)}`,
      data: { ...common, ...data, 'upstream.duration_ms': elapsedMs },
    });
  };

  return {
    startMs,
    response,
    toModel,
    get genAi() {
      return genAi !== undefined;
    },
    get status() {
      return status;
    },
    get error() {
      return error;
    },
    addRequestChunk: (chunk, encoding) => {
      if (toModel && !sent) requestBody.add(chunk, encoding);
    },
    requestSent: sendEvent,
    responseStarted(code, encoding) {
      if (code < 200) return;
      status = code;
      response.encoding = encoding;
      const summary = `Response received: ${code} from ${request.url.host}`;
      answerEvent(code < 400 ? 'info' : 'warn', summary, { 'http.response.status_code': code });
    },
    addResponseChunk: (chunk) => {
      if (toModel) response.add(chunk);
    },
    failed(thrown) {
      error ??= errorType(thrown);
      const aborted = isAbort(thrown);
      const summary = aborted
        ? `Request to ${request.url.host} given up`
        : `No response from ${request.url.host}: ${error}`;
      answerEvent('warn', summary, aborted ? { cancelled: true, error } : { error });
    },
  };
}

function targetOf({ url }: UpstreamRequest): Target {
  return { host: url.hostname, path: url.pathname };
}

function readRequest(exchange: Exchange, request: UpstreamRequest, body: BodyStart): GenAiRequest | undefined {
  const text = body.text();
  if (!text.trimStart().startsWith('{')) return undefined;
  const json = body.truncated ? topLevelScalars(text) : parseJson(text);
  return readGenAiRequest(json, targetOf(request), exchange.settings.captureContent);
}

/** "Request sent: gpt-4o (stream=true) to api.openai.com, attempt 2" */
function sentSentence(request: UpstreamRequest, genAi: GenAiRequest | undefined, attempt: number): string {
  const what =
    genAi === undefined ? `${request.method} ${request.url.pathname}` : `${genAi.model} (stream=${genAi.stream})`;
  return `Request sent: ${what} to ${request.url.host}${attempt > 1 ? `, attempt ${attempt}` : ''}`;
}

function isAbort(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'name' in thrown && thrown.name === 'AbortError';
}
