import type { Encoding, Received, Signal } from './receive.ts';

/** gRPC status numbers (google.rpc.Code) that the doors use. */
export const GRPC_CODE = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const REJECTED_MEMBER: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints',
};

/**
 * `Export…ServiceResponse` of one signal: empty in full success, else `partial_success` with the rejected count and why
 * (OTLP specification, "Partial Success"). All three signals share the field numbers.
 */
export function encodeAccepted(
  signal: Signal,
  encoding: Encoding,
  received: Extract<Received, { outcome: 'accepted' }>,
): Buffer {
  const { rejected, message } = received;
  if (encoding === 'json') {
    const partialSuccess = { [REJECTED_MEMBER[signal]]: String(rejected), errorMessage: message ?? '' };
    return Buffer.from(JSON.stringify(rejected === 0 && message === undefined ? {} : { partialSuccess }));
  }
  if (rejected === 0 && message === undefined) return Buffer.alloc(0);
  return field(
    1,
    Buffer.concat([rejected === 0 ? Buffer.alloc(0) : numberField(1, rejected), textField(2, message ?? '')]),
  );
}

/** `google.rpc.Status` in the request's encoding; with a delay it carries `google.rpc.RetryInfo`. */
export function encodeStatus(encoding: Encoding, code: number, message: string, retryAfterMs?: number): Buffer {
  if (encoding === 'json') {
    const details =
      retryAfterMs === undefined
        ? {}
        : { details: [{ '@type': RETRY_INFO_TYPE, retryDelay: `${retryAfterMs / 1_000}s` }] };
    return Buffer.from(JSON.stringify({ code, message, ...details }));
  }
  const parts = [numberField(1, code), textField(2, message)];
  if (retryAfterMs !== undefined) parts.push(field(3, retryInfoAny(retryAfterMs)));
  return Buffer.concat(parts);
}

const RETRY_INFO_TYPE = 'type.googleapis.com/google.rpc.RetryInfo';

/** `Any { type_url, value: RetryInfo { retry_delay: Duration { seconds, nanos } } }` */
function retryInfoAny(delayMs: number): Buffer {
  const seconds = Math.floor(delayMs / 1_000);
  const nanos = (delayMs - seconds * 1_000) * 1_000_000;
  const duration = Buffer.concat([
    seconds === 0 ? Buffer.alloc(0) : numberField(1, seconds),
    nanos === 0 ? Buffer.alloc(0) : numberField(2, nanos),
  ]);
  return Buffer.concat([textField(1, RETRY_INFO_TYPE), field(2, field(1, duration))]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

function textField(number: number, value: string): Buffer {
  return field(number, Buffer.from(value));
}

function field(number: number, value: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(value.length), value]);
}
