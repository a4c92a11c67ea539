import { givenOptions, readOptions, wrongOption } from '../config.ts';
import type { Publisher } from './publisher-contract.ts';
import { checkPublisher, currentPublisher } from './publisher-registry.ts';
import type { LiveSpanOptions } from './span-types.ts';

/**
 * Where spans go: to the publisher given, else to the one that is registered when they come.
 * @throws LivespanError `invalid_option`
 */
export function publisherFor(given: Publisher | undefined): () => Publisher | undefined {
  const publisher = checkPublisher(given);
  return publisher === undefined ? currentPublisher : () => publisher;
}

/**
 * Checked when they are given: a filter that cannot be called would fail at each span, and stay unheard there.
 * @throws LivespanError `invalid_option`
 */
export function readSpanOptions(
  given: (LiveSpanOptions & { live?: 'all' | 'sampled' }) | undefined,
): LiveSpanOptions & { live: 'all' | 'sampled' } {
  const options = givenOptions(given);
  for (const name of ['filter', 'attributes'] as const) {
    const predicate: unknown = options[name];
    if (predicate !== undefined && typeof predicate !== 'function') {
      throw wrongOption(name, 'a function that returns true or false');
    }
  }
  // Without the environment: what a processor was made with is what it does.
  const { live } = readOptions(['live'], { live: options.live }, {});
  return { ...options, live: live === 'sampled' ? 'sampled' : 'all' };
}
