import type { IncomingMessage } from 'node:http';
import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { createRedactor } from '../activity/redaction.ts';

const METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE']);
const redactor = createRedactor([]);

/** The span of a request, and whether it was made here. `context` holds it. */
export interface ServerSpan {
  span: Span;
  context: Context;
  owned: boolean;
}

/**
 * The span that is active (made by an HTTP instrumentation), else a new SERVER span under the incoming `traceparent`.
 * An incoming trace that is not trusted becomes a link of a new root.
 */
export function openServerSpan(
  request: IncomingMessage,
  route: string | undefined,
  trustIncoming: boolean,
): ServerSpan {
  const active = context.active();
  const running = joinable(active);
  const remote = incomingContext(request);
  const remoteSpan = trace.getSpanContext(remote);
  if (!trustIncoming && remoteSpan !== undefined) {
    const links: Link[] = [{ context: remoteSpan }];
    if (running !== undefined) links.push({ context: running.spanContext() });
    return startSpan(request, route, propagation.deleteBaggage(trace.deleteSpan(active)), links);
  }
  if (running !== undefined) {
    describe(running, request, route);
    return { span: running, context: active, owned: false };
  }
  return startSpan(request, route, remoteSpan === undefined ? active : remote);
}

function startSpan(request: IncomingMessage, route: string | undefined, parent: Context, links?: Link[]): ServerSpan {
  const span = trace.getTracer('livespan').startSpan(
    spanName(request.method, route),
    {
      kind: SpanKind.SERVER,
      attributes: serverAttributes(request, route),
      ...(links === undefined ? {} : { root: true, links }),
    },
    parent,
  );
  return { span, context: trace.setSpan(parent, span), owned: true };
}

/** A span that runs in this process; one that has ended is a context that leaked from start-up. */
function joinable(active: Context): Span | undefined {
  const span = trace.getSpan(active);
  if (span === undefined || !trace.isSpanContextValid(span.spanContext()) || span.spanContext().isRemote)
    return undefined;
  const ended = 'kind' in span && !span.isRecording();
  return ended ? undefined : span;
}

/** Gives a SERVER span that somebody else made those attributes that it lacks. */
function describe(span: Span, request: IncomingMessage, route: string | undefined): void {
  const { kind, attributes } = span as Span & { kind?: SpanKind; attributes?: Attributes };
  if (kind !== SpanKind.SERVER || !span.isRecording()) return;
  const present = attributes ?? {};
  for (const [key, value] of Object.entries(serverAttributes(request, route))) {
    if (value !== undefined && present[key] === undefined) span.setAttribute(key, value);
  }
}

export function spanName(method: string | undefined, route: string | undefined): string {
  const verb = METHODS.has(method ?? '') ? (method ?? 'HTTP') : 'HTTP';
  return route === undefined ? verb : `${verb} ${route}`;
}

/** OpenTelemetry semantic conventions for HTTP servers, what is known at the headers. */
function serverAttributes(request: IncomingMessage, route: string | undefined): Attributes {
  const method = request.method ?? '_OTHER';
  const known = METHODS.has(method);
  const { path, query } = splitUrl(request.url);
  const host = splitHost(request.headers.host ?? text(request.headers[':authority']));
  const socket = request.socket as IncomingMessage['socket'] | undefined;
  return {
    'http.request.method': known ? method : '_OTHER',
    ...(known ? {} : { 'http.request.method_original': method }),
    'url.scheme': socket !== undefined && 'encrypted' in socket ? 'https' : 'http',
    'url.path': path,
    ...(query === undefined ? {} : { 'url.query': redactQuery(query) }),
    ...(route === undefined ? {} : { 'http.route': route }),
    ...(host.name === undefined ? {} : { 'server.address': host.name }),
    ...(host.port === undefined ? {} : { 'server.port': host.port }),
    'network.protocol.version': request.httpVersion === '2.0' ? '2' : request.httpVersion,
    ...(socket?.remoteAddress === undefined
      ? {}
      : { 'network.peer.address': socket.remoteAddress, 'client.address': socket.remoteAddress }),
    ...(socket?.remotePort === undefined ? {} : { 'network.peer.port': socket.remotePort }),
    ...(request.headers['user-agent'] === undefined ? {} : { 'user_agent.original': request.headers['user-agent'] }),
  };
}

export function splitUrl(url: string | undefined): { path: string; query: string | undefined } {
  const target = url ?? '/';
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: undefined }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

function splitHost(host: string | undefined): { name?: string; port?: number } {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(host ?? '');
  if (match?.[1] === undefined) return {};
  return match[2] === undefined ? { name: match[1] } : { name: match[1], port: Number(match[2]) };
}

function redactQuery(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const key = pair.split('=', 1)[0] ?? '';
      return pair.includes('=') && redactor.isSecret(key) ? `${key}=[redacted]` : pair;
    })
    .join('&');
}

/** By the registered propagator; where there is none, by the W3C header itself, so that live events have the trace. */
function incomingContext(request: IncomingMessage): Context {
  const extracted = propagation.extract(ROOT_CONTEXT, request.headers);
  if (propagation.fields().length > 0 || trace.getSpanContext(extracted) !== undefined) return extracted;
  const parent = parseTraceparent(text(request.headers.traceparent));
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** W3C Trace Context, section 3.2. */
function parseTraceparent(header: string | undefined): SpanContext | undefined {
  const match = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header?.trim() ?? '');
  if (match?.[2] === undefined || match[3] === undefined || match[4] === undefined) return undefined;
  if (match[1] === '00' && match[5] !== undefined) return undefined;
  const spanContext: SpanContext = {
    traceId: match[2],
    spanId: match[3],
    traceFlags: Number.parseInt(match[4], 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
  return trace.isSpanContextValid(spanContext) ? spanContext : undefined;
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
