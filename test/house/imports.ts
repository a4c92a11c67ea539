import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';

/** What each room may import of ours, beside itself; `index.ts` and `register.ts` are the package's doors. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  activity: [],
  bus: ['activity', 'root'],
  sdk: ['activity', 'bus', 'root'],
  otlp: ['activity', 'root'],
  feed: ['activity', 'bus', 'root'],
  server: ['activity', 'bus', 'feed', 'otlp', 'root'],
  monitor: ['activity'],
  cli: ['activity', 'bus', 'sdk', 'otlp', 'feed', 'server', 'root'],
  root: [],
  door: ['activity', 'bus', 'sdk', 'feed', 'root'],
};

/** Packages that only one place may know. */
export const ONLY_IN: readonly { module: RegExp; where: RegExp; why: string }[] = [
  { module: /^ioredis$/, where: /^src\/bus\//, why: 'bus/ is the only room that knows Redis' },
  { module: /^fastify|^@fastify\//, where: /^src\/server\//, why: 'HTTP routes live in server/' },
  {
    module: /^@opentelemetry\/(sdk-metrics|exporter-prometheus)$/,
    where: /^src\/server\/metrics\.ts$/,
    why: 'one file knows the metrics SDK',
  },
  {
    module: /^@opentelemetry\/(sdk-trace|sdk-logs|exporter-|instrumentation)/,
    where: /^src\/(sdk\/|server\/metrics\.ts$)/,
    why: 'sdk/ is the only room that knows the tracing and log SDKs',
  },
  { module: /^preact|^@preact\/|^uplot|^@tanstack\//, where: /^src\/monitor\//, why: 'the page lives in monitor/' },
];

export interface Module {
  /** Relative to the repository, with forward slashes. */
  path: string;
  imports: string[];
}

export function listSources(root: string): string[] {
  return readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** Every import of a module, static, type-only, dynamic or by `require`, as the compiler's own scanner sees it. */
export function readModule(root: string, path: string, text = readFileSync(join(root, path), 'utf8')): Module {
  const found = ts.preProcessFile(text, true, true);
  return { path, imports: found.importedFiles.map((file) => file.fileName) };
}

export function roomOf(path: string): string {
  const [, room, rest] = path.split('/');
  if (rest !== undefined) return room ?? '';
  return room === 'index.ts' || room === 'register.ts' ? 'door' : 'root';
}

/** Sentences about imports that the house forbids; empty where all is well. */
export function violations(module: Module): string[] {
  const room = roomOf(module.path);
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) return [`${module.path}: no room is called ${room}`];
  return module.imports.flatMap((specifier) => {
    if (!specifier.startsWith('.')) {
      return ONLY_IN.filter((rule) => rule.module.test(specifier) && !rule.where.test(module.path)).map(
        (rule) => `${module.path} imports ${specifier}: ${rule.why}`,
      );
    }
    const target = normalize(join(dirname(module.path), specifier)).replaceAll('\\', '/');
    if (!target.startsWith('src/')) return [`${module.path} imports ${specifier}, outside src/`];
    const other = roomOf(target);
    return other === room || allowed.includes(other) ? [] : [`${module.path} (${room}) imports ${target} (${other})`];
  });
}
