import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChannelCredentials, ChannelOptions, Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import type { LivespanServer, ServerOptions } from '../../src/server/index.ts';
import { getJson, serve } from '../server/http.ts';

const grpc = createRequire(import.meta.url)('@grpc/grpc-js') as typeof import('@grpc/grpc-js');

export interface Doors {
  server: LivespanServer;
  /** `http://127.0.0.1:<port>`, of the OTLP/HTTP door. */
  http: string;
  /** `127.0.0.1:<port>`, of the OTLP/gRPC door. */
  grpc: string;
  /** All activities on the feed, oldest first. */
  items(): Promise<Activity[]>;
  /** What the doors have counted. */
  counts(): Promise<Record<string, number>>;
}

/** A real server with both OTLP doors on free ports, closed when the test ends. */
export async function openDoors(options: ServerOptions = {}): Promise<Doors> {
  const server = await serve({ otlpGrpcPort: 0, otlpHttpPort: 0, ...options });
  const { otlpHttpUrl, otlpGrpcUrl } = server;
  if (otlpHttpUrl === undefined || otlpGrpcUrl === undefined) throw new Error('a door is closed');
  const headers: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  return {
    server,
    http: otlpHttpUrl,
    grpc: new URL(otlpGrpcUrl).host,
    async items() {
      const all: Activity[] = [];
      let since = '0-0';
      for (;;) {
        const page = await getJson<{ items: Activity[]; next?: string }>(
          `${server.url}/activity?order=asc&limit=1000&since=${since}`,
          headers,
        );
        all.push(...page.items);
        if (page.next === undefined || page.next === null) return all;
        since = page.next;
      }
    },
    async counts() {
      return (await getJson<{ otlp: Record<string, number> }>(`${server.url}/stats`, headers)).otlp;
    },
  };
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
}

export async function send(
  url: string,
  body: Buffer | string,
  headers: Record<string, string> = {},
  path = '/v1/traces',
): Promise<HttpAnswer> {
  const type = typeof body === 'string' ? 'application/json' : 'application/x-protobuf';
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** What the buffers of this process, where the doors are too, grew by at most meanwhile. */
export async function watchBuffers<T>(work: () => Promise<T>): Promise<{ result: T; peakBytes: number }> {
  const before = process.memoryUsage().arrayBuffers;
  let peak = before;
  let isOver = false;
  const watching = (async () => {
    for (; !isOver; await nextTurn()) peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  })();
  try {
    const result = await work();
    return { result, peakBytes: peak - before };
  } finally {
    isOver = true;
    await watching;
  }
}

export const TRACE_EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
export const METRICS_EXPORT = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
export const LOGS_EXPORT = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';

export type GrpcAnswer = { ok: true; body: Buffer } | { ok: false; code: number; message: string; metadata: Metadata };

/** One unary call with these bytes, by a bare grpc-js client. */
export async function call(
  address: string,
  path: string,
  body: Buffer,
  options: { metadata?: Record<string, string>; credentials?: ChannelCredentials; channel?: ChannelOptions } = {},
): Promise<GrpcAnswer> {
  const client: Client = new grpc.Client(address, options.credentials ?? grpc.credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    ...options.channel,
  });
  onTestFinished(() => client.close());
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      body,
      metadata,
      { deadline: Date.now() + 20_000 },
      (error: ServiceError | null, answer?: Buffer) => {
        if (error === null) resolve({ ok: true, body: answer ?? Buffer.alloc(0) });
        else resolve({ ok: false, code: error.code, message: error.details, metadata: error.metadata });
      },
    );
  });
}

export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
export const SPAN_ID = '00f067aa0ba902b7';

/** A span in OTLP/JSON with what is given in place of what it would have. */
export function jsonSpan(members: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    name: 'GET /health',
    kind: 2,
    startTimeUnixNano: '1763684557123456789',
    endTimeUnixNano: '1763684557125000789',
    ...members,
  };
}

export function jsonTraces(spans: readonly unknown[], resource: unknown = {}, scope: unknown = {}): string {
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] });
}

export function jsonLogs(logRecords: readonly unknown[], resource: unknown = {}): string {
  return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope: {}, logRecords }] }] });
}

export function attribute(key: string, value: unknown): { key: string; value: unknown } {
  return { key, value: typeof value === 'string' ? { stringValue: value } : value };
}
