import { wrongOption } from '../config.ts';
import type { Publisher } from './publisher-contract.ts';

/** One place a process, so that two copies of this package share the publisher. */
const SHARED = Symbol.for('livespan.1');

interface Shared {
  publisher?: unknown;
}

const shared: Shared = openShared();

/** What `currentPublisher` looked at last, and what it found it to be: the check is made once a registration. */
let seen: unknown;
let current: Publisher | undefined;

function openShared(): Shared {
  const holder = globalThis as { [SHARED]?: unknown };
  const found = holder[SHARED];
  if (typeof found === 'object' && found !== null) return found;
  const fresh: Shared = {};
  holder[SHARED] = fresh;
  return fresh;
}

/**
 * The publisher that `emitEvent` uses from now on; `undefined` for none. It is not closed when another takes its place.
 * @throws LivespanError `invalid_option` for what is no publisher
 */
export function registerPublisher(publisher: Publisher | undefined): void {
  shared.publisher = checkPublisher(publisher);
}

/** Removes it if it is the one in use. */
export function forgetPublisher(publisher: Publisher): void {
  if (shared.publisher === publisher) shared.publisher = undefined;
}

/** The registered publisher, whichever copy of this package made it; checked by its shape. */
export function currentPublisher(): Publisher | undefined {
  const found = shared.publisher;
  if (found !== seen) {
    seen = found;
    current = isPublisher(found) ? found : undefined;
  }
  return current;
}

/** @throws LivespanError `invalid_option` for what is neither a publisher nor nothing */
export function checkPublisher(given: Publisher | null | undefined): Publisher | undefined {
  const publisher = given ?? undefined;
  if (publisher === undefined || isPublisher(publisher)) return publisher;
  throw wrongOption('publisher', 'a publisher (createPublisher() makes one)');
}

function isPublisher(value: unknown): value is Publisher {
  if (typeof value !== 'object' || value === null) return false;
  const { publish, flush, close, stats } = value as Partial<Publisher>;
  return [publish, flush, close, stats].every((method) => typeof method === 'function');
}
