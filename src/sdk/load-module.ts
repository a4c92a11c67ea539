import { createRequire } from 'node:module';

/**
 * A module of this package, loaded at the first call that needs it and at once: what an application only may call must not
 * cost it anything at start. One instance with those that `import` gives.
 * @param from `import.meta.url` of the caller
 * @param path relative to it, without the extension (`.ts` in the sources, `.js` in the package)
 */
export function loadModule<T>(from: string, path: string): T {
  return createRequire(from)(`${path}${from.slice(-3)}`) as T;
}

/**
 * Node loads these two with everything below them: 10 ms, more than all of ours together. Whoever only imports livespan does
 * not pay for them; they come with the first publisher.
 */
export function cryptoModule(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

export function threadsModule(): typeof import('node:worker_threads') {
  return process.getBuiltinModule('node:worker_threads');
}
