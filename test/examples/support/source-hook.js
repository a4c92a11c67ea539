/**
 * `node --import` this, and 'livespan' is the source tree instead of the built package, so that the examples run
 * unchanged against what is being tested, however old `dist/` is.
 */
import { registerHooks } from 'node:module';

const SOURCES = new Map([
  ['livespan', '../../../src/index.ts'],
  ['livespan/server', '../../../src/server/index.ts'],
  ['livespan/register', '../../../src/register.ts'],
]);

registerHooks({
  resolve(specifier, context, next) {
    const source = SOURCES.get(specifier);
    return source === undefined ? next(specifier, context) : next(new URL(source, import.meta.url).href, context);
  },
});
