import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import type { Server, ServerUnaryCall, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js';
import { log } from '../diag.ts';
import { encodeAccepted, encodeStatus, GRPC_CODE } from './answers.ts';
import { ProtobufError, ProtobufReader, WIRE } from './protobuf-reader.ts';
import type { Received, Receiver, Signal } from './receive.ts';

export interface GrpcDoorOptions {
  receiver: Receiver;
  /** Largest message, after decompression. */
  bodyBytesMax: number;
  /** Whether this `authorization` metadata may come in. */
  admit: (authorization: string | undefined) => boolean;
  host: string;
  port: number;
  /** PEM; without a key and certificate the door speaks plain text. With `clientCa` a client has to show a certificate. */
  tls?: { key: Buffer; certificate: Buffer; clientCa?: Buffer };
}

export interface GrpcDoor {
  readonly port: number;
  close(): Promise<void>;
}

const SERVICES: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
};
const HEALTH = 'grpc.health.v1.Health';
/** `HealthCheckResponse` with the status SERVING. */
const SERVING = Buffer.from([0x08, 0x01]);
/** A connection's calls at a time: grpc-js keeps the whole message of each before we see it. More of them wait. */
const CALLS_MAX = 32;
const CLOSE_WAIT_MS = 2_000;

type Call = ServerUnaryCall<Buffer, Buffer>;

/** OTLP/gRPC: messages reach us as the bytes that came (grpc-js decodes nothing), gzip is undone by grpc-js. */
export async function openGrpcDoor(options: GrpcDoorOptions): Promise<GrpcDoor> {
  // grpc-js is large and only a server with this door needs it.
  const grpc = createRequire(import.meta.url)('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
  const server = new grpc.Server({
    'grpc.max_receive_message_length': options.bodyBytesMax,
    'grpc.max_send_message_length': 65_536,
    'grpc.max_concurrent_streams': CALLS_MAX,
  });
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    server.addService(serviceOf(SERVICES[signal], 'Export'), {
      Export: (call: Call, callback: sendUnaryData<Buffer>) => void answer(call, callback, signal, options, grpc),
    });
  }
  server.addService(serviceOf(HEALTH, 'Check'), {
    Check: (call: Call, callback: sendUnaryData<Buffer>) => checkHealth(call, callback, grpc),
  });
  await checkPort(options);
  const port = await bind(server, options, grpc);
  return { port, close: () => closeServer(server) };
}

function serviceOf(name: string, method: string): ServiceDefinition {
  const identity = (bytes: Buffer): Buffer => bytes;
  return {
    [method]: {
      path: `/${name}/${method}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  };
}

/** grpc.health.v1, for tools and load balancers: of the server as a whole (no name) or of one of its services. */
function checkHealth(
  { request }: Call,
  callback: sendUnaryData<Buffer>,
  { status }: typeof import('@grpc/grpc-js'),
): void {
  try {
    const service = readServiceName(request);
    if (['', HEALTH, ...Object.values(SERVICES)].includes(service)) callback(null, SERVING);
    else callback({ code: status.NOT_FOUND, details: 'There is no such service here' });
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    callback({ code: status.INVALID_ARGUMENT, details: error.message });
  }
}

/** `HealthCheckRequest.service`, field 1. */
function readServiceName(bytes: Buffer): string {
  const reader = new ProtobufReader(bytes);
  let service = '';
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) service = reader.text();
    else reader.skip();
  }
  return service;
}

async function answer(
  call: Call,
  callback: sendUnaryData<Buffer>,
  signal: Signal,
  options: GrpcDoorOptions,
  grpc: typeof import('@grpc/grpc-js'),
): Promise<void> {
  const refuse = (code: number, message: string, retryAfterMs?: number): void => {
    const metadata = new grpc.Metadata();
    if (retryAfterMs !== undefined) {
      metadata.set('grpc-status-details-bin', encodeStatus('protobuf', code, message, retryAfterMs));
    }
    callback({ code, details: message, metadata });
  };
  const authorization = call.metadata.get('authorization')[0];
  if (!options.admit(typeof authorization === 'string' ? authorization : undefined)) {
    options.receiver.countRefused('unauthenticated');
    refuse(GRPC_CODE.unauthenticated, 'This server asks for its token in the authorization metadata: Bearer …');
    return;
  }
  let received: Received;
  try {
    received = await options.receiver.receive(signal, 'protobuf', call.request);
  } catch (error) {
    log.error('OTLP/gRPC request failed', error);
    refuse(GRPC_CODE.internal, 'Internal error');
    return;
  }
  if (received.outcome === 'accepted') callback(null, encodeAccepted(signal, 'protobuf', received));
  else if (received.outcome === 'bad_data') refuse(GRPC_CODE.invalidArgument, received.message);
  else if (received.outcome === 'too_large') refuse(GRPC_CODE.resourceExhausted, received.message);
  else refuse(GRPC_CODE.unavailable, received.message, received.retryAfterMs);
}

/**
 * grpc-js prints a line of its own about a port that it cannot have, which says neither which nor why; so the system is
 * asked first. @throws what listening there fails with, such as EADDRINUSE
 */
async function checkPort({ host, port }: GrpcDoorOptions): Promise<void> {
  if (port === 0) return;
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  await once(probe.close(), 'close');
}

function bind(server: Server, options: GrpcDoorOptions, grpc: typeof import('@grpc/grpc-js')): Promise<number> {
  const { host, port, tls } = options;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const credentials =
    tls === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(
          tls.clientCa ?? null,
          [{ private_key: tls.key, cert_chain: tls.certificate }],
          tls.clientCa !== undefined,
        );
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
}

/** Lets calls under way end, for a while. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.forceShutdown(), CLOSE_WAIT_MS);
    server.tryShutdown((error) => {
      if (error !== undefined) log.debug('OTLP/gRPC door was closed before', error);
      clearTimeout(cut);
      resolve();
    });
  });
}
