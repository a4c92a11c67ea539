import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listSources, type Module, readModule, roomOf, violations } from './imports.ts';

const ROOT = join(import.meta.dirname, '../..');
const sources = listSources(ROOT);
const modules = sources.map((path) => readModule(ROOT, path));

/** Modules reached from the package's doors, following our own imports. */
function reachable(from: readonly string[]): Set<string> {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const seen = new Set<string>();
  const open = [...from];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const specifier of byPath.get(path)?.imports ?? []) {
      if (specifier.startsWith('.')) open.push(join(dirname(path), specifier));
    }
  }
  return seen;
}

describe('the house', () => {
  it('sees every module that git knows', () => {
    const known = execFileSync('git', ['ls-files', 'src'], { cwd: ROOT, encoding: 'utf8' })
      .split('\n')
      .filter((path) => /\.(ts|tsx)$/.test(path) && !path.endsWith('.d.ts') && existsSync(join(ROOT, path)));
    expect(known.length).toBeGreaterThan(30);
    expect(sources).toEqual(expect.arrayContaining(known));
    expect(modules.flatMap((module) => module.imports).length).toBeGreaterThan(modules.length);
  });

  it('keeps to the table of rooms', () => {
    expect(modules.flatMap(violations)).toEqual([]);
  });

  it.each([
    ['src/activity/planted.ts', "import { readFileSync } from '../bus/bus.ts';"],
    ['src/activity/planted.ts', "import type { LivespanError } from '../errors.ts';"],
    ['src/bus/planted.ts', "import type { LiveFeed } from '../feed/live-feed.ts';"],
    ['src/server/planted.ts', "const sdk = await import('../sdk/emitter.ts');"],
    ['src/feed/planted.ts', "import Redis from 'ioredis';"],
    ['src/sdk/planted.ts', "export { createServer } from '../server/index.ts';"],
    ['src/server/planted.ts', "import { MeterProvider } from '@opentelemetry/sdk-metrics';"],
    ['src/misc/planted.ts', "import '../errors.ts';"],
    ['src/errors.ts', "import { readOptions } from './config.ts'; import '../test/x.ts';"],
  ])('finds a planted import in %s: %s', (path, text) => {
    expect(violations(readModule(ROOT, path, text))).not.toEqual([]);
  });

  it('keeps activity/ free of I/O and of packages', () => {
    const inside = modules.filter((module) => roomOf(module.path) === 'activity');
    expect(inside.length).toBeGreaterThan(4);
    const foreign = (module: Module) => module.imports.filter((specifier) => !specifier.startsWith('.'));
    expect(inside.flatMap(foreign)).toEqual([]);
  });

  it('reaches every module from a door of the package', () => {
    const doors = ['src/index.ts', 'src/register.ts', 'src/server/index.ts', 'src/cli/main.ts'].concat(
      sources.filter((path) => path === 'src/monitor/main.tsx'),
    );
    const seen = reachable(doors);
    expect(sources.filter((path) => !seen.has(path) && !path.startsWith('src/monitor/'))).toEqual([]);
  });
});
