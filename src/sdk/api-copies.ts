import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Every copy of `@opentelemetry/api` demands that the global object carries exactly its own version before it registers
 * anything, and reads happily from any later minor version. A preload (npx, a global install) and the application often
 * have different copies, so the object that we put there names the version of whoever is registering: it is found by
 * the file that asks. Called at a registration only, a handful of times a process.
 */
export function registrantVersion(): string | undefined {
  for (const line of (new Error().stack ?? '').split('\n')) {
    const file = /((?:file:\/\/)?(?:\/|[A-Za-z]:\\)[^():]*(?:\([^()]*\)[^():]*)?):\d+:\d+\)?$/.exec(line)?.[1];
    if (file === undefined || !/[\\/]internal[\\/]global-utils\.[cm]?js$/.test(file)) continue;
    return packageVersion(file.startsWith('file:') ? fileURLToPath(file) : file);
  }
  return undefined;
}

/** Of the package `@opentelemetry/api` that holds `file`. */
function packageVersion(file: string): string | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const found: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const { name, version } = found as { name?: unknown; version?: unknown };
      if (name === '@opentelemetry/api' && typeof version === 'string') return version;
    } catch {
      // no manifest in this folder: the one above may have it
    }
  }
  return undefined;
}

/** The greater of two versions `major.minor.patch`; what follows a dash is not compared. */
export function laterVersion(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const [left, right] = [a, b].map((text) => (text.split('-')[0] ?? '').split('.').map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference > 0 ? a : b;
  }
  return a;
}
