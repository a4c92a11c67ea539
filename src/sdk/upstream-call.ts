import type { AttributeValue } from '../activity/activity.ts';
import { type BodyStart, collectBody, observeResponseBody, type ResponseObserver } from './body-observer.ts';
import { type Exchange, emitFor, errorType, formatDuration, round, type UpstreamRequest } from './exchange.ts';
import { parseJson, topLevelScalars } from './genai-json.ts';
import { type GenAiRequest, readGenAiRequest } from './genai-request.ts';

/** How long `gateway.request_sent` waits for the body (and its model name) while a connection is being made. */
const SENT_WAIT_MS = 1_000;

/** One attempt to reach an upstream: exactly one `gateway.request_sent` and one `gateway.response_received`. */
export interface UpstreamCall {
  readonly startMs: number;
  readonly response: ResponseObserver;
  /** The request went to a language model. */
  readonly genAi: boolean;
  /** Status of the final response. */
  readonly status: number | undefined;
  /** Type of the failure, also of one in the middle of the body. */
  readonly error: string | undefined;
  addRequestChunk(chunk: unknown, encoding?: unknown): void;
  requestSent(): void;
  responseStarted(status: number): void;
  addResponseChunk(chunk: unknown): void;
  failed(error: unknown): void;
}

export function openUpstreamCall(exchange: Exchange, request: UpstreamRequest): UpstreamCall {
  const { settings } = exchange;
  const attempt = ++exchange.attempts;
  const startMs = performance.now();
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
      if (!sent) requestBody.add(chunk, encoding);
    },
    requestSent: sendEvent,
    responseStarted(code) {
      if (code < 200) return;
      status = code;
      const summary = `Response received: ${code} from ${request.url.host}`;
      answerEvent(code < 400 ? 'info' : 'warn', summary, { 'http.response.status_code': code });
    },
    addResponseChunk: (chunk) => response.add(chunk),
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

function readRequest(exchange: Exchange, request: UpstreamRequest, body: BodyStart): GenAiRequest | undefined {
  const target = { host: request.url.hostname, path: request.url.pathname };
  const capture = exchange.settings.captureContent;
  // undici before 7.11 (Node 22) does not show the chunks it sends: what the client asked for is then what we know.
  const bodies = body.text() === '' && request.method === 'POST' ? [exchange.requestBody] : [body];
  for (const each of bodies) {
    const json = each.text();
    if (!json.trimStart().startsWith('{')) continue;
    return readGenAiRequest(each.truncated ? topLevelScalars(json) : parseJson(json), target, capture);
  }
  return undefined;
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
