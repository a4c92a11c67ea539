import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { INDEX, runChild } from './support/child.ts';

const EXPORTS = [
  'LiveSpanExporter',
  'LiveSpanProcessor',
  'LivespanError',
  'createPublisher',
  'emitEvent',
  'openFeed',
  'registerPublisher',
  'setCallId',
  'startTelemetry',
  'traceGateway',
  'withCallId',
];

const MODULES = `import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
await import('@opentelemetry/api');
const before = loaded.length;
const api = await import('${INDEX}');
report({ names: Object.keys(api).sort(), ours: loaded.slice(before) });`;

test('exports exactly these names, at most 25 with the types, and loads no SDK, client or server', async () => {
  const child = await runChild(MODULES, { preload: 'none' });
  const [facts] = child.reports as { names: string[]; ours: string[] }[];
  expect(facts?.names, child.stderr).toEqual(EXPORTS);
  const text = readFileSync(INDEX, 'utf8');
  const names = [...text.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
    list.split(',').filter((name) => name.trim()),
  );
  expect(names.length).toBeGreaterThan(EXPORTS.length);
  expect(names.length).toBeLessThanOrEqual(25);
  const foreign = facts?.ours.filter((url) => url.includes('/node_modules/') && !url.includes('@opentelemetry/api/'));
  expect(foreign).toEqual([]);
  expect(facts?.ours.filter((url) => /\/src\/(server|cli|otlp)\/|\/src\/sdk\/telemetry/.test(url))).toEqual([]);
  // The package holds them in one file, whose size goes with their number; the API alone has more than fifty.
  expect(facts?.ours.filter((url) => url.startsWith('file:')).length).toBeLessThanOrEqual(55);
});

test('works through require(), with everything safe to call where nothing is set up', async () => {
  const child = await runChild(
    `const api = require('${INDEX}');
    api.emitEvent('nothing.there', { data: { n: 1 } });
    report({ result: api.withCallId('c', () => 42), kind: typeof api.traceGateway(null), same: api.startTelemetry(null) === api.startTelemetry() });`,
    { kind: 'cjs', preload: 'none' },
  );
  expect(child.code, child.stderr).toBe(0);
  expect(child.reports).toEqual([{ result: 42, kind: 'function', same: true }]);
});
