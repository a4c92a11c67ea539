import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { FLATTEN_LIMITS, noCuts } from '../activity/flatten.ts';
import { createRedactor } from '../activity/redaction.ts';
import type { Bus } from '../bus/bus.ts';
import { warnOnce } from '../diag.ts';
import { LivespanError } from '../errors.ts';
import { createHttpDoor } from '../otlp/http-door.ts';
import { type Chunk, createReceiver, type Published, type Receiver } from '../otlp/receive.ts';
import { type AccessRules, checkHost, checkOrigin } from './access.ts';
import { HEADER_BYTES_MAX } from './app.ts';
import type { Auth } from './auth.ts';

/** A port and whether somebody asked for it: a default port that is taken only closes that door. */
export interface DoorPort {
  port: number;
  isAskedFor: boolean;
}

export interface OtlpDoorsOptions {
  bus: Bus;
  auth: Auth;
  rules: AccessRules;
  host: string;
  /** A door without a port stays closed. */
  grpc: DoorPort | undefined;
  http: DoorPort | undefined;
  bodyBytesMax: number;
  redact: readonly string[];
  /** Keeps what livespan SDKs put on the feed themselves (`otlpKeepLive`). */
  keepLive: boolean;
  /** Paths of PEM files; with `clientCa` a client has to show a certificate that it signed. */
  tls: { certificate?: string | undefined; key?: string | undefined; clientCa?: string | undefined };
}

export interface OtlpDoors {
  readonly receiver: Receiver;
  readonly scheme: 'http' | 'https';
  /** Absent where the door is closed. */
  readonly grpcPort: number | undefined;
  readonly httpPort: number | undefined;
  close(): Promise<void>;
}

interface Door {
  port: number;
  close(): Promise<void>;
}

interface Tls {
  certificate: Buffer;
  key: Buffer;
  clientCa?: Buffer;
}

/** Request bytes that may be under way at a time, as they come and decompressed, in requests of the largest size. */
const REQUESTS_HELD = 16;
const CONNECTIONS_MAX = 1_000;
/** Exporters send every few seconds and mean to find their connection open. */
const KEEP_ALIVE_MS = 65_000;
/** OTLP is denser than JSON, usually by two to three. */
const MADE_BYTES_A_BYTE = 8;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Opens the ways in for any OTLP source; both end in one receiver that appends to the log. */
export async function openOtlpDoors(options: OtlpDoorsOptions): Promise<OtlpDoors> {
  const { bus, bodyBytesMax } = options;
  const receiver = createReceiver({
    flatten: { limits: { ...FLATTEN_LIMITS }, redactor: createRedactor(options.redact), counts: noCuts() },
    keepLive: options.keepLive,
    nowUs: () => Date.now() * 1_000,
    heldBytesMax: bodyBytesMax * REQUESTS_HELD,
    madeBytesMax: bodyBytesMax * MADE_BYTES_A_BYTE,
    publish: (chunk) => appendChunk(bus, chunk),
  });
  const tls = await readTls(options.tls);
  const http = await open('otlpHttpPort', options.http, (port) => openHttp(port, receiver, options, tls));
  try {
    const grpc = await open('otlpGrpcPort', options.grpc, (port) => openGrpc(port, receiver, options, tls));
    return {
      receiver,
      scheme: tls === undefined ? 'http' : 'https',
      grpcPort: grpc?.port,
      httpPort: http?.port,
      close: async () => {
        await Promise.all([http?.close(), grpc?.close()]);
      },
    };
  } catch (thrown) {
    await http?.close();
    throw thrown;
  }
}

async function appendChunk(bus: Bus, { activities, digest }: Chunk): Promise<Published> {
  const result = await bus.append({ activities, digest });
  if (result.outcome === 'appended' || result.outcome === 'duplicate') return result.outcome;
  const why = result.outcome === 'failed' ? result.error.message : 'the log took the chunk for another';
  return { failed: why };
}

/** @throws LivespanError `address_in_use` for a port that was asked for */
async function open(
  option: string,
  wanted: DoorPort | undefined,
  start: (port: number) => Promise<Door>,
): Promise<Door | undefined> {
  if (wanted === undefined) return undefined;
  const { port, isAskedFor } = wanted;
  try {
    return await start(port);
  } catch (thrown) {
    const isTaken = thrown instanceof Error && /EADDRINUSE|No address added/.test(thrown.message);
    if (!isTaken) throw thrown;
    if (isAskedFor) {
      throw new LivespanError('address_in_use', `${option}: ${port} is in use`, { cause: thrown, details: { port } });
    }
    warnOnce(
      `LIVESPAN_${option.toUpperCase()}_TAKEN`,
      `Port ${port} is in use, so this OTLP door stays closed; --otlp-grpc-port and --otlp-http-port take others`,
    );
    return undefined;
  }
}

async function openHttp(
  port: number,
  receiver: Receiver,
  options: OtlpDoorsOptions,
  tls: Tls | undefined,
): Promise<Door> {
  const handler = createHttpDoor({
    receiver,
    bodyBytesMax: options.bodyBytesMax,
    admit: (request) => {
      checkHost(request, options.rules);
      checkOrigin(request, options.rules);
      options.auth.check(request);
    },
  });
  const limits = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  };
  const server: Server =
    tls === undefined
      ? createServer(limits, handler)
      : createTlsServer(
          {
            ...limits,
            key: tls.key,
            cert: tls.certificate,
            ...(tls.clientCa !== undefined && { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
          handler,
        );
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 2_000).unref();
      }),
  };
}

async function openGrpc(
  port: number,
  receiver: Receiver,
  options: OtlpDoorsOptions,
  tls: Tls | undefined,
): Promise<Door> {
  const { openGrpcDoor } = await import('../otlp/grpc-door.ts');
  return openGrpcDoor({
    receiver,
    bodyBytesMax: options.bodyBytesMax,
    admit: (authorization) => options.auth.allowsHeader(authorization),
    host: options.host,
    port,
    ...(tls !== undefined && { tls }),
  });
}

async function readTls({ certificate, key, clientCa }: OtlpDoorsOptions['tls']): Promise<Tls | undefined> {
  if (certificate === undefined && key === undefined && clientCa === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    throw new LivespanError('invalid_option', 'otlpTlsCertificate, otlpTlsKey: TLS needs both');
  }
  const read = (option: string, path: string) =>
    readFile(path).catch((cause: unknown) => {
      throw new LivespanError('invalid_option', `${option}: ${path} cannot be read`, { cause });
    });
  return {
    certificate: await read('otlpTlsCertificate', certificate),
    key: await read('otlpTlsKey', key),
    ...(clientCa !== undefined && { clientCa: await read('otlpTlsClientCa', clientCa) }),
  };
}
