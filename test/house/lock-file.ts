import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `npm run lock`: npm leaves an optional package of another platform out of the lock file when the registry at hand does
 * not serve it, and then `npm ci` refuses that lock file everywhere. This puts such entries back, from what the
 * packages that name them say; a test fails while one is missing.
 */
export const LOCK_FILE = join(import.meta.dirname, '../../package-lock.json');

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}
interface Lock {
  packages: Record<string, Entry>;
}

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : [];
  return { ...(os.length > 0 && { os }), ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }) };
}

/** Optional packages that an entry of the lock file names and that have no entry of their own, by path. */
export function missingOptional(lock: Lock): Record<string, Entry> {
  const missing: Record<string, Entry> = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isKnown(lock, path, name)) continue;
      missing[`node_modules/${name}`] = {
        version: version.replace(/^[^\d]*/, ''),
        ...platformOf(name),
        ...(entry.dev === true && { dev: true }),
        optional: true,
      };
    }
  }
  return missing;
}

/** Node's look-up: beside the package that asks, then further out. */
function isKnown(lock: Lock, path: string, name: string): boolean {
  const folders = path === '' ? [''] : [path, ''];
  for (let at = path.lastIndexOf('/node_modules/'); at > 0; at = path.lastIndexOf('/node_modules/', at - 1)) {
    folders.push(path.slice(0, at));
  }
  return folders.some(
    (folder) => lock.packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined,
  );
}

export function readLock(): Lock {
  return JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as Lock;
}

if (process.argv[1] === import.meta.filename) {
  const lock = readLock();
  const packages = { ...lock.packages, ...missingOptional(lock) };
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(LOCK_FILE, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
}
