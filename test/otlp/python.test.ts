import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openDoors } from './doors.ts';
import { pythonWithExporters } from './python-environment.ts';

const run = promisify(execFile);
const found = await pythonWithExporters();
if ('missing' in found) {
  process.stderr.write(`python: OpenTelemetry's exporters cannot be had, so they are not tested: ${found.missing}\n`);
}

describe("OpenTelemetry's Python exporters", () => {
  it('are there where the tests have to be complete (CI=true)', () => {
    expect('python' in found || process.env.CI !== 'true').toBe(true);
  });

  it.runIf('python' in found).each([
    ['grpc', 'none'],
    ['grpc', 'gzip'],
    ['http', 'none'],
    ['http', 'gzip'],
    ['json', 'none'],
    ['json', 'gzip'],
  ])('are understood, %s, compression %s', async (door, compression) => {
    if (!('python' in found)) throw new Error(found.missing);
    const doors = await openDoors();
    const endpoint = door === 'grpc' ? doors.grpc : doors.http;
    const script = join(import.meta.dirname, 'exporting.py');
    const { stdout, stderr } = await run(found.python, [script, door, endpoint, compression], { timeout: 25_000 });
    const traceId = stdout.trim().split('\n').at(-1);
    const shared = { service: 'python-client', instance: 'py-1', traceId };
    const items = await doors.items();
    const named = (kind: string, name?: string) =>
      items.find((item) => item.kind === kind && (name === undefined || item.name === name));
    expect(items.map(({ kind }) => kind).sort(), stderr).toEqual(['event', 'log', 'span.end', 'span.end']);
    expect(named('span.end', 'child')).toMatchObject({
      ...shared,
      parentSpanId: named('span.end', 'parent')?.spanId,
      spanKind: 'client',
      status: 'error',
      statusMessage: 'went wrong',
      scope: 'python-scope',
      eventCount: 1,
      attributes: { n: 42, big: String(2n ** 60n), ok: true, list: ['a', 'b'], ratio: 0.5 },
    });
    expect(named('event')).toMatchObject({ ...shared, name: 'cache.miss', attributes: { key: 'k1' } });
    expect(named('log')).toMatchObject({ ...shared, severity: 'warn', summary: 'disk is full' });
  });
});
