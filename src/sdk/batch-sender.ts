import type { AppendRequest } from '../bus/bus.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import { createBackoff } from './backoff.ts';
import { type Batch, type BatchContent, splitContent } from './batch.ts';
import type { Rejection, Target, TargetResult } from './target.ts';

export interface BatchSenderOptions {
  /** Names the numbering towards the log. */
  producerId: string;
  open: () => Promise<Target>;
  /** The next content, or `undefined` when there is nothing to send. Called only when a call may go out. */
  take: () => BatchContent | undefined;
  instance?: (content: BatchContent) => AppendRequest['instance'];
  onPublished: (content: BatchContent, rejected: readonly Rejection[]) => void;
  /** Refused for good, with a single activity left in it. */
  onRefused: (content: BatchContent) => void;
  onTrouble?: (error: LivespanError) => void;
  onRecovered?: () => void;
  backoffMinMs?: number;
  backoffMaxMs?: number;
  random?: () => number;
}

/** These say that the content is bad, not that the log is away: the same batch would be refused for ever. */
const REFUSALS = new Set(['invalid_activity', 'invalid_request', 'payload_too_large']);

/**
 * Numbered batches to a log, each applied once and in order. Up to `target.inFlightMax` are in flight; after any failure
 * it waits for all of them, then, after a back-off, resends in order from the lowest unconfirmed number, one at a time
 * until one arrives. The only place in this room that knows back-off.
 */
export class BatchSender {
  readonly #options: BatchSenderOptions;
  readonly #backoff: ReturnType<typeof createBackoff>;
  readonly #abort = new AbortController();
  /** Numbered and unconfirmed, lowest number first. */
  #outstanding: Batch[] = [];
  #target: Target | undefined;
  #opening = false;
  #inFlight = 0;
  #acked = 0;
  #next = 1;
  /** What went wrong since everything last went well; nothing new goes out before all in flight is answered. */
  #failure: LivespanError | undefined;
  #probing = false;
  #everReached = false;
  #failuresSinceUrged = 0;

  constructor(options: BatchSenderOptions) {
    this.#options = options;
    this.#backoff = createBackoff({
      minMs: options.backoffMinMs ?? 50,
      maxMs: options.backoffMaxMs ?? 2_000,
      random: options.random ?? Math.random,
    });
  }

  get producerId(): string {
    return this.#options.producerId;
  }

  get target(): Target | undefined {
    return this.#target;
  }

  get outstanding(): readonly Batch[] {
    return this.#outstanding;
  }

  /** The highest number known to be applied. */
  get acked(): number {
    return this.#acked;
  }

  /** Whether nothing speaks against sending right now. */
  get healthy(): boolean {
    return this.#failure === undefined && !this.#probing;
  }

  /** True when trying on is pointless for someone in a hurry: never reached, and failed again since `urge`. */
  get hopeless(): boolean {
    return !this.#everReached && this.#failuresSinceUrged > 0 && this.#inFlight === 0;
  }

  /** Sends what can be sent now. Cheap when nothing can. */
  pump(): void {
    if (this.#abort.signal.aborted || this.#opening || this.#failure !== undefined) return;
    const target = this.#target;
    if (target === undefined) {
      void this.#open();
      return;
    }
    const window = (): number => (this.#probing ? 1 : target.inFlightMax);
    for (const batch of this.#outstanding) {
      if (this.#inFlight >= window()) return;
      if (!batch.inFlight) void this.#send(target, batch);
    }
    while (this.#inFlight < window()) {
      const content = this.#options.take();
      if (content === undefined) return;
      void this.#send(target, this.#number(content));
    }
  }

  #number(content: BatchContent): Batch {
    const batch: Batch = { number: this.#next, content, inFlight: false };
    this.#next += 1;
    this.#outstanding.push(batch);
    return batch;
  }

  /** Numbers everything there is, for someone else to send because this process cannot any more. */
  drain(): readonly Batch[] {
    for (let content = this.#options.take(); content !== undefined; content = this.#options.take())
      this.#number(content);
    return this.#outstanding;
  }

  /** Somebody waits: cuts the back-off short. */
  urge(): void {
    this.#failuresSinceUrged = 0;
    if (this.#backoff.waiting) this.#retry();
    else this.pump();
  }

  /** Gives up what is in flight; the target is closed. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#backoff.cancel();
    const target = this.#target;
    this.#target = undefined;
    await target?.close();
  }

  async #open(): Promise<void> {
    this.#opening = true;
    try {
      const target = await this.#options.open();
      if (this.#abort.signal.aborted) await target.close();
      else this.#target = target;
    } catch (error) {
      this.#fail(toLivespanError(error, 'log_unavailable'));
    }
    this.#opening = false;
    this.#settle();
  }

  async #send(target: Target, batch: Batch): Promise<void> {
    batch.inFlight = true;
    this.#inFlight += 1;
    const { number, content } = batch;
    const instance = this.#options.instance?.(content);
    let result: TargetResult;
    try {
      result = await target.append({
        activities: content.activities,
        producer: { id: this.#options.producerId, batch: number, acked: Math.min(this.#acked, number - 1) },
        ...(instance !== undefined && { instance }),
        signal: this.#abort.signal,
      });
    } catch (error) {
      result = { outcome: 'failed', error: toLivespanError(error), applied: 'unknown' };
    }
    batch.inFlight = false;
    this.#inFlight -= 1;
    if (this.#abort.signal.aborted) return;
    this.#judge(batch, result);
    this.#settle();
  }

  #judge(batch: Batch, result: TargetResult): void {
    switch (result.outcome) {
      case 'appended':
      case 'duplicate':
        this.#confirm(batch, result.rejected ?? []);
        this.#reached();
        return;
      case 'out_of_order':
        this.#fail(
          new LivespanError('out_of_order', `the log took batch ${result.last} last, not ${batch.number - 1}`),
        );
        return;
      case 'failed':
        if (REFUSALS.has(result.error.code) && result.applied === 'no') {
          batch.refused = result.error;
          // Whoever judges the content was reached.
          this.#everReached = true;
        }
        this.#fail(result.error);
    }
  }

  #confirm(batch: Batch, rejected: readonly Rejection[]): void {
    const index = this.#outstanding.indexOf(batch);
    if (index < 0) return;
    this.#outstanding.splice(index, 1);
    this.#acked = Math.max(this.#acked, batch.number);
    this.#options.onPublished(batch.content, rejected);
  }

  #reached(): void {
    const wasAway = this.#probing;
    this.#everReached = true;
    this.#probing = false;
    // A failure of another batch of this round still waits for its turn.
    if (this.#failure !== undefined) return;
    this.#backoff.reset();
    if (wasAway) this.#options.onRecovered?.();
  }

  #fail(error: LivespanError): void {
    this.#failuresSinceUrged += 1;
    this.#failure ??= error;
    const refusal = this.#outstanding.some((batch) => batch.refused === error);
    if (!refusal && error.code !== 'out_of_order') this.#options.onTrouble?.(error);
  }

  /** After each answer: goes on, or, once everything in flight is answered, prepares the resend. */
  #settle(): void {
    if (this.#failure === undefined) {
      this.pump();
      return;
    }
    if (this.#inFlight > 0 || this.#opening || this.#backoff.waiting || this.#abort.signal.aborted) return;
    // The log takes k only after all below k: an answer for k is one for them, however theirs was lost.
    for (const batch of this.#outstanding.filter(({ number }) => number <= this.#acked)) this.#confirm(batch, []);
    this.#probing = true;
    if (this.#outstanding[0]?.refused !== undefined) {
      this.#isolate();
      this.#retry();
      return;
    }
    for (const batch of this.#outstanding) batch.refused = undefined;
    this.#backoff.wait(retryAfterMs(this.#failure), () => this.#retry());
  }

  #retry(): void {
    this.#backoff.cancel();
    this.#failure = undefined;
    this.pump();
  }

  /**
   * The lowest batch was refused for good and nothing of it was written, so nothing above it was either: its number and
   * theirs can be given anew. Halves it until the bad activity stands alone, and drops that.
   */
  #isolate(): void {
    const [first, ...rest] = this.#outstanding;
    if (first === undefined) return;
    const halves = splitContent(first.content);
    if (halves === undefined) this.#options.onRefused(first.content);
    const contents = [...(halves ?? []), ...rest.map(({ content }) => content)];
    this.#outstanding = contents.map((content, index) => ({ number: first.number + index, content, inFlight: false }));
    this.#next = first.number + contents.length;
  }
}

function retryAfterMs(error: LivespanError): number {
  const { retryAfterMs: given } = error.details;
  return typeof given === 'number' ? given : 0;
}
