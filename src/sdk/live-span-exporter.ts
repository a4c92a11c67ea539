import { log } from '../diag.ts';
import { attempt } from './guard.ts';
import type { Publisher } from './publisher-contract.ts';
import { createSpanWriter } from './span-activity.ts';
import { identify, isDirect, scopeOf } from './span-facts.ts';
import { publisherFor, readSpanOptions } from './span-options.ts';
import type { ExportOutcome, FinishedSpan, LiveSpanOptions } from './span-types.ts';

const SUCCESS = 0;
const FAILED = 1;

/**
 * Finished spans on the feed (`span.end` and their events), for pipelines that take exporters only; `LiveSpanProcessor`
 * shows them as they start. Spans that a processor has given already are left out. They get no mark, so do not send them
 * to livespan by OTLP as well.
 */
export class LiveSpanExporter {
  readonly #publisher: () => Publisher | undefined;
  readonly #options: LiveSpanOptions;
  #flushed: Publisher | undefined;
  #closed = false;

  /**
   * @param publisher where spans go; without one, to the publisher that is registered when they are exported
   * @throws LivespanError `invalid_option`, when it is made, never at a span
   */
  constructor(publisher?: Publisher, options: LiveSpanOptions = {}) {
    this.#publisher = publisherFor(publisher);
    this.#options = readSpanOptions(options);
  }

  /** Hands all spans over and answers at once: what happens to them from here on is the publisher's to count. */
  export(spans: readonly FinishedSpan[], resultCallback: (result: ExportOutcome) => void): void {
    resultCallback(this.#write(spans));
  }

  async forceFlush(): Promise<void> {
    await this.#flushed?.flush();
  }

  async shutdown(): Promise<void> {
    this.#closed = true;
    await this.forceFlush();
  }

  #write(spans: readonly FinishedSpan[]): ExportOutcome {
    const publisher = this.#publisher();
    if (this.#closed) return { code: FAILED, error: new Error('LiveSpanExporter is shut down') };
    if (publisher === undefined) return { code: FAILED, error: new Error('no publisher is registered') };
    this.#flushed = publisher;
    try {
      const writer = createSpanWriter(publisher, this.#options.attributes);
      // The call id of a finished span is known by its attribute alone: its context is gone.
      for (const span of spans) {
        if (!isDirect(span) && this.#isWanted(span)) writer.end(span, identify(span), callIdOf(span));
      }
      return { code: SUCCESS };
    } catch (thrown) {
      log.error('spans could not be given to the feed', thrown);
      return { code: FAILED, error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
    }
  }

  #isWanted(span: FinishedSpan): boolean {
    const { filter } = this.#options;
    if (filter === undefined) return true;
    const { name, kind, attributes } = span;
    return attempt(
      'the filter of LiveSpanExporter',
      () => filter({ name, kind, attributes, scope: scopeOf(span) }),
      true,
    );
  }
}

function callIdOf(span: FinishedSpan): string | undefined {
  const callId = span.attributes['call.id'];
  return typeof callId === 'string' && callId !== '' ? callId : undefined;
}
