import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { log } from '../diag.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import { encodeAccepted, encodeStatus, GRPC_CODE } from './answers.ts';
import type { Encoding, Received, Receiver, Signal } from './receive.ts';
import { ENCODINGS, readBody } from './request-body.ts';

export interface HttpDoorOptions {
  receiver: Receiver;
  bodyBytesMax: number;
  /** Throws a LivespanError for who may not come in: foreign Host or Origin, no token. */
  admit: (request: IncomingMessage) => void;
}

const SIGNALS: ReadonlyMap<string, Signal> = new Map([
  ['/v1/traces', 'traces'],
  ['/v1/logs', 'logs'],
  ['/v1/metrics', 'metrics'],
]);
/** How long a body that nobody wants is thrown away. */
const LINGER_MS = 1_000;
const MEDIA_TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** OTLP/HTTP (OTLP specification, "OTLP/HTTP"): the answer is always in the request's encoding. */
export function createHttpDoor(options: HttpDoorOptions): RequestListener {
  return (request, response) => {
    void handle(request, response, options).catch((error: unknown) => {
      log.error('OTLP/HTTP request failed', error);
      response.destroy();
    });
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, options: HttpDoorOptions): Promise<void> {
  // Until the media type is known to be ours, errors are said in JSON: people are more likely to read them.
  let encoding: Encoding = 'json';
  try {
    encoding = encodingOf(request) ?? 'json';
    options.admit(request);
    const signal = signalOf(request);
    if (encodingOf(request) === undefined) {
      throw new LivespanError(
        'unsupported_media_type',
        `Content-Type must be ${Object.values(MEDIA_TYPES).join(' or ')}`,
      );
    }
    const body = await readBody(request, options.bodyBytesMax);
    answer(response, signal, encoding, await options.receiver.receive(signal, encoding, body));
  } catch (thrown) {
    refuse(request, response, encoding, toLivespanError(thrown));
  }
}

function encodingOf(request: IncomingMessage): Encoding | undefined {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === MEDIA_TYPES.json) return 'json';
  return type === MEDIA_TYPES.protobuf || type === 'application/protobuf' ? 'protobuf' : undefined;
}

function signalOf(request: IncomingMessage): Signal {
  const signal = SIGNALS.get(request.url?.split('?')[0] ?? '');
  if (signal === undefined) throw new LivespanError('not_found', 'OTLP is at /v1/traces, /v1/logs and /v1/metrics');
  if (request.method !== 'POST') throw new LivespanError('method_not_allowed', 'OTLP is sent by POST');
  return signal;
}

function answer(response: ServerResponse, signal: Signal, encoding: Encoding, received: Received): void {
  if (received.outcome === 'accepted') send(response, 200, encoding, encodeAccepted(signal, encoding, received));
  else if (received.outcome === 'bad_data') {
    send(response, 400, encoding, encodeStatus(encoding, GRPC_CODE.invalidArgument, received.message));
  } else if (received.outcome === 'too_large') {
    send(response, 413, encoding, encodeStatus(encoding, GRPC_CODE.resourceExhausted, received.message));
  } else {
    response.setHeader('retry-after', String(Math.max(1, Math.ceil(received.retryAfterMs / 1_000))));
    const body = encodeStatus(encoding, GRPC_CODE.unavailable, received.message, received.retryAfterMs);
    send(response, 503, encoding, body);
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, encoding: Encoding, error: LivespanError): void {
  if (error.code === 'internal') log.error('OTLP/HTTP request failed', error);
  const message = error.code === 'internal' ? 'Internal error' : error.message;
  if (error.code === 'method_not_allowed') response.setHeader('allow', 'POST');
  if (error.code === 'unsupported_media_type') response.setHeader('accept-encoding', ENCODINGS);
  if (error.code === 'unauthenticated') response.setHeader('www-authenticate', 'Bearer');
  const body = encodeStatus(encoding, error.grpcStatus, message);
  if (request.complete) send(response, error.httpStatus, encoding, body);
  else sendEarly(request, response, error.httpStatus, encoding, body);
}

/**
 * An answer before the body has come. Closing at once would reset the connection, and a client that is still sending
 * would not see why; so what comes is thrown away for a while first.
 */
function sendEarly(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  encoding: Encoding,
  body: Buffer,
): void {
  response.setHeader('connection', 'close');
  writeHead(response, status, encoding, body);
  response.write(body);
  const close = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(close, LINGER_MS);
  request.once('end', close).once('close', close).resume();
}

function send(response: ServerResponse, status: number, encoding: Encoding, body: Buffer): void {
  writeHead(response, status, encoding, body);
  response.end(body);
}

function writeHead(response: ServerResponse, status: number, encoding: Encoding, body: Buffer): void {
  response.writeHead(status, {
    'content-type': MEDIA_TYPES[encoding],
    'content-length': body.length,
    'x-content-type-options': 'nosniff',
  });
}
