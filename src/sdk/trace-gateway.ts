import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Attributes, type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { givenOptions } from '../config.ts';
import { LivespanError } from '../errors.ts';
import { BODY_BYTES_MAX, observeResponseBody } from './body-observer.ts';
import { callIdOf, joinCall, openCallIdHolder, setCallId } from './call-id.ts';
import { bindListeners } from './emitter-binding.ts';
import { type Exchange, emitFor, errorType, type GatewaySettings, type UpstreamRequest } from './exchange.ts';
import { enterExchange, hasContextManager, runInExchange, withExchange } from './exchange-context.ts';
import { emitResponseSent, failureStatus } from './gateway-response.ts';
import { findModelApi } from './genai-request.ts';
import { attempt } from './guard.ts';
import { watchResponse } from './response-watch.ts';
import { openServerSpan, spanName, splitUrl } from './server-span.ts';
import { watchUpstreams } from './upstream-watch.ts';

export interface TraceGatewayOptions {
  /**
   * Go on with the trace that a client sends in `traceparent`. `false` starts a new root with a link to it: for a
   * gateway that strangers call. Default `true`.
   */
  trustIncomingTrace?: boolean;
  /** Which outgoing calls made inside a request are upstream calls; by default all that are not suppressed. */
  upstream?: (request: UpstreamRequest) => boolean;
  /** Put prompts and answers on the events (`gen_ai.input.messages`, `gen_ai.output.messages`). Default `false`. */
  captureContent?: boolean;
  /** Most that one body may hold in memory while it is observed, bytes, 1,024 to 262,144 (the default). */
  bodyBytesMax?: number;
}

/** A request is traced once, however many gateways it passes in this process. */
const seen = new WeakSet<IncomingMessage>();

/** A request or response of node:http, or of a framework that keeps it as `raw` (Fastify). */
type MaybeRaw<T> = T | { raw: T };
export type GatewayMiddleware = (
  request: MaybeRaw<IncomingMessage>,
  response: MaybeRaw<ServerResponse>,
  next?: () => void,
) => void;

/**
 * Middleware for Connect and Express (`app.use(traceGateway())`), Fastify (`app.addHook('onRequest', traceGateway())`)
 * and node:http (`gateway(request, response, () => handle(request, response))`). Each request gets a SERVER span (or
 * joins the one that is active), a call id (`x-request-id`, else the trace id) and the events
 * `gateway.request_received`, `gateway.request_sent` and `gateway.response_received` (one pair for each upstream call
 * made inside) and `gateway.response_sent`; while a model's answer streams also `gateway.response_progress`, on the feed
 * alone. `next` runs in the span's context. Without `next` the rest of the caller's
 * execution belongs to the request, but a span made here is not the active one.
 *
 * Bodies are observed, never consumed or changed. Whatever fails here stays here.
 * @throws LivespanError `invalid_option`, when it is made, never at a request
 */
export function traceGateway(options: TraceGatewayOptions = {}): GatewayMiddleware {
  const settings = readSettings(givenOptions(options));
  watchUpstreams();

  return function gateway(request, response, next) {
    const exchange = attempt('traceGateway', () => open(request, response, settings), undefined);
    if (exchange === undefined) {
      next?.();
      return;
    }
    if (next === undefined) {
      attempt('traceGateway', () => enter(exchange), undefined);
      return;
    }
    try {
      runInExchange(exchange, () => next());
    } catch (thrown) {
      exchange.error ??= errorType(thrown);
      throw thrown;
    }
  };
}

function open(
  given: MaybeRaw<IncomingMessage>,
  givenResponse: MaybeRaw<ServerResponse>,
  settings: GatewaySettings,
): Exchange | undefined {
  const request = 'raw' in given ? given.raw : given;
  const response = 'raw' in givenResponse ? givenResponse.raw : givenResponse;
  const isUpgrade = 'upgrade' in request && request.upgrade === true;
  if (seen.has(request) || isUpgrade || response.writableEnded || response.destroyed) return undefined;
  seen.add(request);

  const exchange = createExchange(request, routeOf(given), settings);
  const { method, path } = exchange;
  emitFor(exchange, 'gateway.request_received', {
    summary: `Request received: ${method} ${path}`,
    data: {
      'http.request.method': method,
      'url.path': path,
      'network.protocol.version': request.httpVersion,
      'client.address': request.socket?.remoteAddress,
      'user_agent.original': request.headers['user-agent'],
      'http.request.body.size': contentLength(request),
    },
  });
  watchResponse(response, exchange, (sent) => {
    exchange.closed = true;
    emitResponseSent(exchange, sent);
    endSpan(exchange, sent.status, routeOf(given));
  });
  bindListeners(request, exchange);
  bindListeners(response, exchange);
  return exchange;
}

/** The rest of the caller's execution belongs to the request: the OpenTelemetry API can make no context active there. */
function enter(exchange: Exchange): void {
  enterExchange(exchange);
  const callId = callIdOf(exchange.context);
  if (callId !== undefined) setCallId(callId);
}

function createExchange(request: IncomingMessage, route: string | undefined, settings: GatewaySettings): Exchange {
  const server = openServerSpan(request, route, settings.trustIncomingTrace);
  const traceId = server.span.spanContext().traceId;
  const callId = requestId(request) ?? (/^0*$/.test(traceId) ? crypto.randomUUID() : traceId);
  const withCallId = openCallIdHolder(server.context, callId);
  joinCall(server.span, withCallId);
  const { path } = splitUrl(request.url);
  const exchange: Exchange = {
    settings,
    span: server.span,
    ownsSpan: server.owned,
    context: withCallId,
    managed: hasContextManager(),
    method: request.method ?? 'GET',
    path,
    toModel: findModelApi({ host: '', path }) !== undefined,
    startMs: performance.now(),
    responseBody: observeResponseBody(settings),
    upstreamCalls: [],
    attempts: 0,
    error: undefined,
    closed: false,
  };
  return Object.assign(exchange, { context: withExchange(withCallId, exchange) });
}

/** Ends our own span as the semantic conventions say; one that we joined only gets its route, and ends where it was made. */
function endSpan(exchange: Exchange, status: number | undefined, route: string | undefined): void {
  const { span } = exchange;
  const { kind, attributes } = span as Span & { kind?: SpanKind; attributes?: Attributes };
  if (route !== undefined && kind === SpanKind.SERVER && attributes?.['http.route'] === undefined) {
    span.updateName(spanName(exchange.method, route));
    span.setAttribute('http.route', route);
  }
  if (!exchange.ownsSpan) return;
  if (status !== undefined) span.setAttribute('http.response.status_code', status);
  const error = exchange.error ?? failureStatus(status);
  if (error !== undefined) {
    span.setAttribute('error.type', error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** The matched route's pattern where the framework tells it: Fastify at once, Express once a handler has run. */
function routeOf(request: unknown): string | undefined {
  const { routeOptions, route, baseUrl } = request as {
    routeOptions?: { url?: unknown };
    route?: { path?: unknown };
    baseUrl?: unknown;
  };
  if (typeof routeOptions?.url === 'string') return routeOptions.url;
  if (typeof route?.path !== 'string') return undefined;
  return `${typeof baseUrl === 'string' ? baseUrl : ''}${route.path}`;
}

/** `x-request-id`, where it is at most 128 printable characters. */
function requestId(request: IncomingMessage): string | undefined {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && /^[\x20-\x7e]{1,128}$/.test(id) && id.trim() !== '' ? id : undefined;
}

function contentLength(request: IncomingMessage): number | undefined {
  const length = request.headers['content-length'];
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

function readSettings(options: TraceGatewayOptions): GatewaySettings {
  const { trustIncomingTrace = true, captureContent = false, bodyBytesMax = BODY_BYTES_MAX } = options;
  const upstream = options.upstream ?? (() => true);
  if (typeof trustIncomingTrace !== 'boolean') throw invalid('trustIncomingTrace', 'true or false');
  if (typeof captureContent !== 'boolean') throw invalid('captureContent', 'true or false');
  if (typeof upstream !== 'function')
    throw invalid('upstream', 'a function that takes a request and returns a boolean');
  if (!Number.isInteger(bodyBytesMax) || bodyBytesMax < 1_024 || bodyBytesMax > BODY_BYTES_MAX) {
    throw invalid('bodyBytesMax', `a whole number of bytes from 1024 to ${BODY_BYTES_MAX}`);
  }
  return { trustIncomingTrace, captureContent, upstream, bodyBytesMax };
}

function invalid(option: string, expected: string): LivespanError {
  return new LivespanError('invalid_option', `traceGateway: ${option} is not ${expected}`, { details: { option } });
}
