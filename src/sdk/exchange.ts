import type { Context, Span } from '@opentelemetry/api';
import type { AttributeValue, Severity } from '../activity/activity.ts';
import type { ResponseObserver } from './body-observer.ts';
import { callIdOf } from './call-id.ts';
import { emitEvent } from './emitter.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** One request to the gateway from its headers to the end of its response. */
export interface Exchange {
  readonly settings: GatewaySettings;
  readonly span: Span;
  /** Whether the span is ours to name and to end; else it is the one that was active. */
  readonly ownsSpan: boolean;
  /** Holds the span, the call id and this exchange. */
  readonly context: Context;
  /** Whether a context manager carries `context`; without one an AsyncLocalStorage of ours carries the exchange. */
  readonly managed: boolean;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** The gateway's own path is that of a language model's API. */
  readonly toModel: boolean;
  /** `performance.now()`. */
  readonly startMs: number;
  /** The body that the client is sent, looked into where no upstream call to a model was seen (an answer from a cache). */
  readonly responseBody: ResponseObserver;
  readonly upstreamCalls: UpstreamCall[];
  attempts: number;
  /** Type of the failure that ended the exchange, e.g. `ECONNRESET`. */
  error: string | undefined;
  closed: boolean;
}

export interface GatewaySettings {
  trustIncomingTrace: boolean;
  upstream: (request: UpstreamRequest) => boolean;
  captureContent: boolean;
  bodyBytesMax: number;
}

/** An outgoing call that was made inside a request, as `upstream` gets it. */
export interface UpstreamRequest {
  method: string;
  url: URL;
  /** `fetch` is every call by undici. */
  via: 'fetch' | 'http';
}

/** Adds the event to the exchange's span and publishes it under its call id. */
export function emitFor(
  exchange: Exchange,
  name: string,
  event: { summary: string; severity?: Severity; data: Record<string, AttributeValue | undefined> },
): void {
  const callId = callIdOf(exchange.context);
  emitEvent(name, {
    summary: event.summary,
    severity: event.severity ?? 'info',
    data: event.data,
    span: exchange.span,
    ...(callId === undefined ? {} : { callId }),
  });
}

/** A failure's type: the system's code, else the class; messages may hold what nobody should read. */
export function errorType(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return 'Error';
  const { code, name, cause } = thrown as { code?: unknown; name?: unknown; cause?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  if (cause !== undefined && cause !== thrown && typeof cause === 'object' && cause !== null && 'code' in cause) {
    return errorType(cause);
  }
  return typeof name === 'string' && name !== '' ? name : 'Error';
}

/** 950 ms, 1.2 s */
export function formatDuration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

export function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
