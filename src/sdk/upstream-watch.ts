import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { UpstreamRequest } from './exchange.ts';
import { currentExchange } from './exchange-context.ts';
import { attempt, guarded } from './guard.ts';
import { HIDES_BODIES, observeBodies, type UndiciRequest } from './undici-bodies.ts';
import { UpstreamCall } from './upstream-call.ts';

/**
 * Watches outgoing calls through Node's diagnostics channels, without patching: `undici:request:*` for fetch and undici,
 * `http.client.*` for node:http. Later messages of a call come on a pooled socket, in a foreign context, so the state of
 * a call hangs on its request object. Subscribed once a process, at the first gateway.
 */
export function watchUpstreams(): void {
  if (watching) return;
  watching = true;
  const calls = new WeakMap<object, UpstreamCall>();
  const on = <M>(channel: string, fn: (message: M) => void): void => {
    const listener = guarded(channel, fn);
    subscribe(channel, (message) => listener(message as M));
  };
  watchUndici(on, calls);
  watchHttp(on, calls);
}

let watching = false;

/** Upstream calls of one exchange that are remembered to its end; further ones still give their pair of events. */
const UPSTREAM_CALLS_MAX = 64;
type On = <M>(channel: string, fn: (message: M) => void) => void;
type Calls = WeakMap<object, UpstreamCall>;

interface UndiciResponse {
  statusCode: number;
  /** Names and values in turn. */
  headers: readonly (Uint8Array | string)[];
}

function watchUndici(on: On, calls: Calls): void {
  on<{ request: UndiciRequest }>('undici:request:create', ({ request }) => {
    if (request.upgrade) return;
    const url = toUrl(request.path, String(request.origin));
    if (url === undefined) return;
    const call = open(calls, request, { method: request.method, url, via: 'fetch' });
    if (HIDES_BODIES && call?.toModel) observeBodies(request, call);
  });
  on<{ request: object }>('undici:request:bodySent', ({ request }) => calls.get(request)?.requestSent());
  on<{ request: object; response: UndiciResponse }>('undici:request:headers', ({ request, response }) => {
    calls.get(request)?.responseStarted(response.statusCode, rawHeader(response.headers, 'content-encoding'));
  });
  if (!HIDES_BODIES) {
    on<{ request: object; chunk: unknown }>('undici:request:bodyChunkSent', ({ request, chunk }) => {
      calls.get(request)?.addRequestChunk(chunk);
    });
    on<{ request: object; chunk: unknown }>('undici:request:bodyChunkReceived', ({ request, chunk }) => {
      calls.get(request)?.addResponseChunk(chunk);
    });
  }
  on<{ request: object; error: unknown }>('undici:request:error', ({ request, error }) => {
    calls.get(request)?.failed(error);
  });
}

function watchHttp(on: On, calls: Calls): void {
  on<{ request: ClientRequest }>('http.client.request.created', ({ request }) => {
    if (request.getHeader('upgrade') !== undefined) return;
    const host = request.getHeader('host');
    const url = toUrl(request.path, `${request.protocol}//${typeof host === 'string' ? host : request.host}`);
    if (url === undefined) return;
    const call = open(calls, request, { method: request.method, url, via: 'http' });
    if (call !== undefined) observeWrites(request, call);
  });
  on<{ request: ClientRequest }>('http.client.request.start', ({ request }) => calls.get(request)?.requestSent());
  on<{ request: ClientRequest; response: IncomingMessage }>('http.client.response.finish', ({ request, response }) => {
    const call = calls.get(request);
    if (call === undefined) return;
    call.responseStarted(response.statusCode ?? 0, response.headers['content-encoding']);
    observePushes(response, (chunk) => call.addResponseChunk(chunk));
    response.prependOnceListener(
      'close',
      guarded('the end of a response', () => {
        if (!response.complete) call.failed(response.errored ?? { code: 'ECONNRESET' });
      }),
    );
  });
  on<{ request: ClientRequest; error: unknown }>('http.client.request.error', ({ request, error }) => {
    calls.get(request)?.failed(error);
  });
}

function open(calls: Calls, key: object, request: UpstreamRequest): UpstreamCall | undefined {
  const exchange = currentExchange();
  if (exchange === undefined || exchange.closed) return undefined;
  if (!attempt('the option upstream', () => exchange.settings.upstream(request), false)) return undefined;
  const call = new UpstreamCall(exchange, request);
  if (exchange.upstreamCalls.length < UPSTREAM_CALLS_MAX) exchange.upstreamCalls.push(call);
  calls.set(key, call);
  return call;
}

function rawHeader(headers: readonly (Uint8Array | string)[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (
      Buffer.from(headers[i] ?? '')
        .toString('latin1')
        .toLowerCase() === name
    ) {
      return Buffer.from(headers[i + 1] ?? '').toString('latin1');
    }
  }
  return undefined;
}

function toUrl(path: string, origin: string): URL | undefined {
  return URL.canParse(path, origin) ? new URL(path, origin) : undefined;
}

/** What the application writes is looked at in passing; the call itself, its result and its errors stay as they are. */
function observeWrites(request: ClientRequest, call: UpstreamCall): void {
  const look = guarded('a request body', (chunk: unknown, encoding: unknown) => call.addRequestChunk(chunk, encoding));
  let inside = false;
  for (const method of ['write', 'end'] as const) {
    const original = request[method] as (...args: unknown[]) => unknown;
    Object.assign(request, {
      [method](this: ClientRequest, ...args: unknown[]) {
        if (inside) return original.apply(this, args);
        look(args[0], args[1]);
        inside = true;
        try {
          return original.apply(this, args);
        } finally {
          inside = false;
        }
      },
    });
  }
}

/**
 * Sees each chunk as the parser pushes it into the stream. A `data` listener would start the flow and so consume the
 * body; this neither consumes nor slows it.
 */
function observePushes(message: IncomingMessage, onChunk: (chunk: unknown) => void): void {
  const look = guarded('a body', onChunk);
  const original = message.push;
  message.push = function (this: IncomingMessage, chunk: unknown, encoding?: BufferEncoding) {
    look(chunk);
    return original.call(this, chunk, encoding);
  };
}
