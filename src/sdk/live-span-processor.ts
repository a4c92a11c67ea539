import { type Context, TraceFlags } from '@opentelemetry/api';
import { callIdOf, callIdOfSpan } from './call-id.ts';
import { attempt, reportFailure } from './guard.ts';
import type { Publisher } from './publisher-contract.ts';
import { createSpanWriter, type SpanWriter } from './span-activity.ts';
import { DIRECT, identify, markUnmarked, resourceFacts, type SpanIdentity, scopeOf } from './span-facts.ts';
import { publisherFor, readSpanOptions } from './span-options.ts';
import type { FinishedSpan, LiveSpanOptions, StartedSpan } from './span-types.ts';

/**
 * Gives every span to the feed as it starts and as it ends, sampled or not (as far as the sampler lets it be recorded).
 * Works in the span processors of any OpenTelemetry JS SDK, 2.x and 3.x: it is made of the API's types alone. Add it
 * beside the processor that exports: `spanProcessors: [new BatchSpanProcessor(exporter), new LiveSpanProcessor(publisher)]`.
 *
 * Nothing here throws once it is made (an SDK does not catch what a processor throws), and no span is kept for later reading.
 */
export class LiveSpanProcessor {
  readonly #publisher: () => Publisher | undefined;
  readonly #options: LiveSpanOptions & { live: 'all' | 'sampled' };
  /** On a span whose start is on the feed. */
  readonly #started = Symbol('livespan.started');
  #writer: { publisher: Publisher; writer: SpanWriter } | undefined;
  #closed = false;

  /**
   * @param publisher where spans go; without one, to the publisher that is registered when the span starts
   * @throws LivespanError `invalid_option`, when it is made, never at a span
   */
  constructor(publisher?: Publisher, options: LiveSpanOptions & { live?: 'all' | 'sampled' } = {}) {
    this.#publisher = publisherFor(publisher);
    this.#options = readSpanOptions(options);
  }

  readonly onStart = (span: StartedSpan, parentContext: Context): void => {
    try {
      const writer = this.#closed ? undefined : this.#writerOfNow();
      if (writer === undefined || !this.#isWanted(span)) return;
      const identity = identify(span, parentContext);
      marks(span)[this.#started] = identity;
      writer.start(span, identity, callIdOf(parentContext));
      if (!resourceFacts(span.resource).direct) mark(span);
    } catch (thrown) {
      reportFailure('span.start', thrown);
    }
  };

  readonly onEnd = (span: FinishedSpan): void => {
    try {
      const identity = marks(span)[this.#started];
      if (identity?.parentContext === undefined) return;
      marks(span)[this.#started] = undefined;
      this.#writerOfNow()?.end(span, identity, callIdOfSpan(span) ?? callIdOf(identity.parentContext));
    } catch (thrown) {
      reportFailure('span.end', thrown);
    }
  };

  /** Resolves when what was given before is confirmed or dropped; never rejects. */
  async forceFlush(): Promise<void> {
    await this.#writer?.publisher.flush();
  }

  /** Takes no further spans and flushes. The publisher stays open: it belongs to whoever made it. */
  async shutdown(): Promise<void> {
    this.#closed = true;
    await this.forceFlush();
  }

  #writerOfNow(): SpanWriter | undefined {
    const publisher = this.#publisher();
    if (publisher === undefined) return undefined;
    if (this.#writer?.publisher !== publisher) {
      this.#writer = { publisher, writer: createSpanWriter(publisher, this.#options.attributes) };
    }
    return this.#writer.writer;
  }

  #isWanted(span: StartedSpan): boolean {
    const { filter, live } = this.#options;
    if (live === 'sampled' && (span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return false;
    if (filter === undefined) return true;
    const { name, kind, attributes } = span;
    return attempt(
      'the filter of LiveSpanProcessor',
      () => filter({ name, kind, attributes, scope: scopeOf(span) }),
      true,
    );
  }
}

/** A symbol of ours on the span is far cheaper than a WeakMap, and goes with the span. */
function marks(span: object): { [started: symbol]: SpanIdentity | undefined } {
  return span as { [started: symbol]: SpanIdentity | undefined };
}

/** So that the OTLP door and the exporter, whom the span reaches too, leave it out. */
function mark(span: StartedSpan): void {
  span.setAttribute?.(DIRECT, true);
  if (span.attributes[DIRECT] !== true) markUnmarked(span);
}
