/**
 * Every failure livespan reports, by a stable code. `status` is the HTTP answer, `grpc` the gRPC status number, `exit`
 * the process exit code of the command line: the only place where a failure is translated for an edge.
 */
const CODES = {
  invalid_option: { status: 400, grpc: 3, exit: 2 },
  invalid_filter: { status: 400, grpc: 3, exit: 2 },
  invalid_cursor: { status: 400, grpc: 3, exit: 2 },
  invalid_request: { status: 400, grpc: 3, exit: 1 },
  invalid_activity: { status: 400, grpc: 3, exit: 1 },
  unauthenticated: { status: 401, grpc: 16, exit: 1 },
  forbidden: { status: 403, grpc: 7, exit: 1 },
  not_found: { status: 404, grpc: 5, exit: 1 },
  method_not_allowed: { status: 405, grpc: 12, exit: 1 },
  /** The client took too long to send its request. */
  request_timeout: { status: 408, grpc: 4, exit: 1 },
  out_of_order: { status: 409, grpc: 9, exit: 1 },
  payload_too_large: { status: 413, grpc: 8, exit: 1 },
  uri_too_long: { status: 414, grpc: 3, exit: 1 },
  unsupported_media_type: { status: 415, grpc: 3, exit: 1 },
  host_not_allowed: { status: 421, grpc: 7, exit: 1 },
  too_many_requests: { status: 429, grpc: 8, exit: 1 },
  headers_too_large: { status: 431, grpc: 8, exit: 1 },
  too_many_readers: { status: 503, grpc: 8, exit: 1 },
  /** The log cannot be reached: nothing was written, or nobody knows; the sender retries. */
  log_unavailable: { status: 503, grpc: 14, exit: 1 },
  /** The log is there and cannot take more (memory limit reached). */
  log_full: { status: 503, grpc: 14, exit: 1 },
  /** The log is there and refuses us for good: wrong password, missing permission, too old, not a Redis, wrong key type. */
  log_refused: { status: 503, grpc: 14, exit: 1 },
  timeout: { status: 504, grpc: 4, exit: 1 },
  address_in_use: { status: 500, grpc: 13, exit: 1 },
  closed: { status: 503, grpc: 14, exit: 1 },
  internal: { status: 500, grpc: 13, exit: 1 },
} as const satisfies Record<string, { status: number; grpc: number; exit: number }>;

export type ErrorCode = keyof typeof CODES;

/** Facts beside the sentence, safe to show to a client: a column, an index, a limit. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** The one error class. `message` is a sentence fit for the person who caused or can mend it; secrets never enter it. */
export class LivespanError extends Error {
  override readonly name = 'LivespanError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; details?: ErrorDetails }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options?.details ?? {};
  }

  get httpStatus(): number {
    return CODES[this.code].status;
  }

  get grpcStatus(): number {
    return CODES[this.code].grpc;
  }

  get exitCode(): number {
    return CODES[this.code].exit;
  }
}

/** Whatever was thrown, as one of ours; what is not ours becomes `internal` and keeps its cause. */
export function toLivespanError(thrown: unknown, fallback: ErrorCode = 'internal'): LivespanError {
  if (thrown instanceof LivespanError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new LivespanError(fallback, message, { cause: thrown });
}
