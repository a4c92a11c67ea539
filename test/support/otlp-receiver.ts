import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Server, ServerCredentials } from '@grpc/grpc-js';

/** One export request as a Collector gets it. `body` is decompressed: protobuf, or JSON text. */
export interface OtlpRequest {
  by: 'grpc' | 'http';
  /** `/v1/traces`, or the gRPC method. */
  path: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

export interface OtlpSpan {
  name: string;
  traceId: string;
  spanId: string;
  attributes: Record<string, unknown>;
  events: { name: string; timeUnixNano: string; attributes: Record<string, unknown> }[];
  resource: Record<string, unknown>;
}

export interface OtlpReceiver {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly requests: OtlpRequest[];
  /** Spans that arrived as OTLP/JSON. */
  spans(): OtlpSpan[];
  /** Whether some request has these bytes (hex), e.g. a trace id in protobuf. */
  hasBytes(hex: string): boolean;
  /** Waits until `condition` holds; throws after 20 s. */
  until(condition: (receiver: OtlpReceiver) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Files for doors that speak TLS and take only clients whose certificate the authority signed. */
export interface OtlpTls {
  key: string;
  certificate: string;
  ca: string;
}

/** A Collector's doors, open to real exporters: OTLP/gRPC and OTLP/HTTP on free loopback ports; everything succeeds. */
export async function startOtlpReceiver(tls?: OtlpTls): Promise<OtlpReceiver> {
  const requests: OtlpRequest[] = [];
  const sockets = new Set<Socket>();
  const files = tls && { key: readFileSync(tls.key), cert: readFileSync(tls.certificate), ca: readFileSync(tls.ca) };
  const onRequest: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      requests.push({ by: 'http', path: request.url ?? '', headers: flat(request.headers), body });
      const type = request.headers['content-type'] ?? '';
      response.writeHead(200, { 'content-type': type }).end(type.includes('json') ? '{}' : '');
    });
  };
  const http =
    files === undefined
      ? createServer(onRequest)
      : createTlsServer({ ...files, requestCert: true, rejectUnauthorized: true }, onRequest);
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const grpc = createGrpcServer(requests);
  const credentials =
    files === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(files.ca, [{ private_key: files.key, cert_chain: files.cert }], true);
  const grpcPort = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', credentials, (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });

  const scheme = tls === undefined ? 'http' : 'https';
  const receiver: OtlpReceiver = {
    grpcUrl: `${scheme}://127.0.0.1:${grpcPort}`,
    httpUrl: `${scheme}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    spans: () => requests.filter(isJsonTraces).flatMap(({ body }) => readSpans(body)),
    hasBytes: (hex) => requests.some(({ body }) => body.includes(Buffer.from(hex, 'hex'))),
    async until(condition) {
      const deadline = Date.now() + 20_000;
      while (!condition(receiver)) {
        if (Date.now() > deadline) throw new Error(`not so after 20 s; ${requests.length} requests arrived`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async close() {
      grpc.forceShutdown();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
  return receiver;
}

function createGrpcServer(requests: OtlpRequest[]): Server {
  const server = new Server();
  for (const signal of ['trace', 'logs']) {
    const name = `${signal === 'trace' ? 'Trace' : 'Logs'}Service`;
    const path = `/opentelemetry.proto.collector.${signal}.v1.${name}/Export`;
    const identity = (bytes: Buffer) => bytes;
    const method = { path, requestStream: false, responseStream: false };
    const serializers = {
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    server.addService(
      { Export: { ...method, ...serializers } },
      {
        Export(
          call: { request: Buffer; metadata: { getMap(): Record<string, unknown> } },
          answer: (error: null, bytes: Buffer) => void,
        ) {
          requests.push({ by: 'grpc', path, headers: flat(call.metadata.getMap()), body: call.request });
          answer(null, Buffer.alloc(0));
        },
      },
    );
  }
  return server;
}

function flat(headers: IncomingHttpHeaders | Record<string, unknown>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

function isJsonTraces({ path, headers }: OtlpRequest): boolean {
  return path.endsWith('/v1/traces') && (headers['content-type'] ?? '').includes('json');
}

interface KeyValue {
  key: string;
  value: Record<string, unknown>;
}

function readSpans(body: Buffer): OtlpSpan[] {
  const { resourceSpans } = JSON.parse(body.toString('utf8')) as {
    resourceSpans: {
      resource: { attributes: KeyValue[] };
      scopeSpans: {
        spans: (OtlpSpan & {
          attributes: KeyValue[];
          events?: (OtlpSpan['events'][0] & { attributes: KeyValue[] })[];
        })[];
      }[];
    }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: attributesOf(span.attributes as unknown as KeyValue[]),
        events: (span.events ?? []).map((event) => ({
          ...event,
          attributes: attributesOf(event.attributes as unknown as KeyValue[]),
        })),
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

function attributesOf(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}
