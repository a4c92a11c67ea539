import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { log } from '../diag.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import { encodeAccepted, encodeStatus, GRPC_CODE } from './answers.ts';
import { type Encoding, type Received, type Receiver, type Signal, TOO_MANY } from './receive.ts';
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
    answer(request, response, signal, encoding, await take(request, signal, encoding, options));
  } catch (thrown) {
    const error = toLivespanError(thrown);
    options.receiver.countRefused(error.code);
    refuse(request, response, encoding, error);
  }
}

/** Reads and hands on; what the body holds while it comes is counted, and let go whatever becomes of it. */
async function take(
  request: IncomingMessage,
  signal: Signal,
  encoding: Encoding,
  { receiver, bodyBytesMax }: HttpDoorOptions,
): Promise<Received> {
  let held = 0;
  const hold = (bytes: number): boolean => {
    if (!receiver.hold(bytes)) return false;
    held += bytes;
    return true;
  };
  let body: Buffer | undefined;
  try {
    body = await readBody(request, bodyBytesMax, hold);
  } finally {
    receiver.release(held);
  }
  // From here the receiver holds it, in the same turn.
  return body === undefined ? receiver.overload(TOO_MANY) : receiver.receive(signal, encoding, body);
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

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  signal: Signal,
  encoding: Encoding,
  received: Received,
): void {
  const reply = (status: number, body: Buffer): void => send(request, response, status, encoding, body);
  if (received.outcome === 'accepted') reply(200, encodeAccepted(signal, encoding, received));
  else if (received.outcome === 'bad_data') {
    reply(400, encodeStatus(encoding, GRPC_CODE.invalidArgument, received.message));
  } else if (received.outcome === 'too_large') {
    reply(413, encodeStatus(encoding, GRPC_CODE.resourceExhausted, received.message));
  } else {
    response.setHeader('retry-after', String(Math.max(1, Math.ceil(received.retryAfterMs / 1_000))));
    reply(503, encodeStatus(encoding, GRPC_CODE.unavailable, received.message, received.retryAfterMs));
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, encoding: Encoding, error: LivespanError): void {
  if (error.code === 'internal') log.error('OTLP/HTTP request failed', error);
  const message = error.code === 'internal' ? 'Internal error' : error.message;
  if (error.code === 'method_not_allowed') response.setHeader('allow', 'POST');
  if (error.code === 'unsupported_media_type') response.setHeader('accept-encoding', ENCODINGS);
  if (error.code === 'unauthenticated') response.setHeader('www-authenticate', 'Bearer');
  send(request, response, error.httpStatus, encoding, encodeStatus(encoding, error.grpcStatus, message));
}

/**
 * Where an answer comes before the body has, closing at once would reset the connection, and a client that is still
 * sending would not see why; so what comes is thrown away for a while first.
 */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  encoding: Encoding,
  body: Buffer,
): void {
  // Nobody is there to hear it.
  if (response.destroyed) return;
  const isEarly = !request.complete;
  response.writeHead(status, {
    'content-type': MEDIA_TYPES[encoding],
    'content-length': body.length,
    'x-content-type-options': 'nosniff',
    ...(isEarly && { connection: 'close' }),
  });
  if (!isEarly) {
    response.end(body);
    return;
  }
  response.write(body);
  const close = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(close, LINGER_MS);
  request.once('end', close).once('close', close).resume();
}
