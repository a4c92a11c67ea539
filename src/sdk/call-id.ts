import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, createContextKey } from '@opentelemetry/api';

/**
 * The user's correlation id of a request, call or transaction. OpenTelemetry contexts are immutable and `enterWith` after
 * an `await` in a helper is lost to the caller, so a context carries a mutable holder that everything inside shares.
 */
export interface CallIdHolder {
  callId: string | undefined;
}

const LENGTH_MAX = 200;
const HOLDER_KEY = createContextKey('livespan.call_id');

/**
 * For where no context carries a holder: the id that `setCallId` set, or, without OpenTelemetry's context manager, the
 * holder of `withCallId`. Made at the first such call, so that nobody else pays for the look-up.
 */
let ownExecution: AsyncLocalStorage<CallIdHolder | string> | undefined;

/** `from` with a holder of its own; `traceGateway` opens one a request. */
export function openCallIdHolder(from: Context, callId?: string): Context {
  const holder: CallIdHolder = { callId: callId === undefined ? undefined : checked(callId) };
  return from.setValue(HOLDER_KEY, holder);
}

/** Runs `fn` with `callId` on every event emitted inside, also after awaits. */
export function withCallId<T>(callId: string, fn: () => T): T {
  const opened = openCallIdHolder(context.active(), callId);
  const holder = findHolder(opened);
  return context.with(opened, () => {
    // Without a context manager nothing is carried: then this does it.
    if (holder === undefined || findHolder(context.active()) === holder) return fn();
    ownExecution ??= new AsyncLocalStorage();
    return ownExecution.run(holder, fn);
  });
}

/**
 * Writes the nearest holder (`withCallId`, `traceGateway`), so that all later events of that call have the id, wherever
 * it was set. Without a holder it holds for the rest of this execution and what it starts.
 */
export function setCallId(callId: string): void {
  const valid = checked(callId);
  if (valid === undefined) return;
  const own = ownExecution?.getStore();
  const holder = findHolder(context.active()) ?? (typeof own === 'object' ? own : undefined);
  if (holder !== undefined) holder.callId = valid;
  else {
    ownExecution ??= new AsyncLocalStorage();
    ownExecution.enterWith(valid);
  }
}

const HOLDER_OF_SPAN = Symbol('livespan.call_id');

/** A span that began before its call had an id, as that of a request has: its end tells the id that holds in `inside`. */
export function joinCall(span: { isRecording(): boolean }, inside: Context): void {
  // Those that do not record may be one object for all.
  if (span.isRecording()) (span as SpanOfCall)[HOLDER_OF_SPAN] = findHolder(inside);
}

interface SpanOfCall {
  [HOLDER_OF_SPAN]?: CallIdHolder | undefined;
}

/** The id of the call that the span has joined. */
export function callIdOfSpan(span: object): string | undefined {
  return (span as SpanOfCall)[HOLDER_OF_SPAN]?.callId;
}

/** The call id that holds in `from`. */
export function callIdOf(from: Context): string | undefined {
  const callId = findHolder(from)?.callId;
  if (callId !== undefined || ownExecution === undefined) return callId;
  const own = ownExecution.getStore();
  return typeof own === 'object' ? own.callId : own;
}

function findHolder(from: Context): CallIdHolder | undefined {
  return from.getValue(HOLDER_KEY) as CallIdHolder | undefined;
}

/** An id that is empty, too long or no text at all is no id; never an error for the caller. */
function checked(callId: string): string | undefined {
  return typeof callId === 'string' && callId !== '' ? callId.slice(0, LENGTH_MAX) : undefined;
}
