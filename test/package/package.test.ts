import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProject, type Project, pack } from './project.ts';

const ROOT = join(import.meta.dirname, '../..');
const TYPESCRIPT = join(ROOT, 'node_modules/typescript/lib/tsc.js');
const SLOW = 240_000;

/** An activity goes in by emitEvent and out by openFeed, through the embedded log. */
const ROUND_TRIP = `
const feed = openFeed({ url: 'memory:', since: '0-0', signal: AbortSignal.timeout(20000) });
const publisher = createPublisher({ url: 'memory:' });
registerPublisher(publisher);
emitEvent('package.works', { summary: 'hello', data: { n: 1 } });
(async () => {
  for await (const message of feed) {
    if (message.type === 'activity' && message.activity.name === 'package.works') { console.log('got ' + message.activity.summary); break; }
  }
  await publisher.close();
})();
`;
const NAMES = 'createPublisher, emitEvent, openFeed, registerPublisher';

const TYPED = `
import { emitEvent, LiveSpanExporter, LiveSpanProcessor, openFeed, startTelemetry, type Activity, type FeedMessage, type Telemetry } from 'livespan';
import { createServer, type LivespanServer } from 'livespan/server';
export const start = (): Telemetry => startTelemetry({ url: 'memory:' });
export async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const message of openFeed({ filter: 'kind:event' }) as AsyncIterable<FeedMessage>) {
    if (message.type !== 'activity') continue;
    const activity: Activity = message.activity;
    found.push(activity.name);
  }
  return found;
}
emitEvent('typed', { severity: 'warn', data: { a: 1 } });
// @ts-expect-error a severity that does not exist
emitEvent('typed', { severity: 'loud' });
export const server: Promise<LivespanServer> = createServer({ port: 0 });
export const classes = [LiveSpanExporter, LiveSpanProcessor];
`;

/** The page of the installed package, and the script that it names. */
const MONITOR = `
import { createServer } from 'livespan/server';
const server = await createServer({ url: 'memory:', port: 0, otlp: false });
const page = await fetch(server.url + '/monitor/live');
const [, src] = /<script[^>]* src="([^"]+)"/.exec(await page.text());
const read = (coding) => fetch(new URL(src, page.url), { headers: { 'accept-encoding': coding } });
const script = await read('br');
const { headers } = script;
// fetch decodes it.
const isWhole = (await script.text()) === (await (await read('identity')).text());
console.log(JSON.stringify({
  page: [page.status, page.headers.get('content-type')],
  script: [script.status, headers.get('content-type'), headers.get('content-encoding'), headers.get('cache-control')],
  isWhole,
}));
await server.close();
`;

let packed: Awaited<ReturnType<typeof pack>>;
beforeAll(async () => {
  packed = await pack();
}, SLOW);
afterAll(async () => {
  await rm(packed.dir, { recursive: true, force: true });
});

describe('the package', () => {
  it('holds what is needed and nothing else', () => {
    const paths = packed.files.map((file) => file.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/register.js',
        'dist/cli/main.js',
        'dist/server/index.js',
      ]),
    );
    expect(
      paths.filter(
        (path) => !/^(dist\/|examples\/gateway\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(path),
      ),
    ).toEqual([]);
    expect(paths.filter((path) => /\.map$|\.test\.|tsbuildinfo/.test(path))).toEqual([]);
    expect(packed.files.reduce((sum, file) => sum + file.size, 0)).toBeLessThan(2_000_000);
  });
});

describe('npx in a clone', () => {
  it(
    'runs what is built, and builds only where nothing is',
    async () => {
      const project = await createProject([]);
      try {
        const { scripts, ...manifest } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
          scripts: Record<string, string>;
        };
        scripts.build = 'node build.cjs';
        const files = {
          'package.json': JSON.stringify({ ...manifest, scripts }),
          'build.cjs': "require('node:fs').appendFileSync('built', 'x')",
          'dist/cli/main.js': "#!/usr/bin/env node\nconsole.log('built ' + process.argv[2])",
          'dist/monitor/index.html': '',
        };
        for (const folder of ['dist/cli', 'dist/monitor']) await mkdir(join(project.dir, folder), { recursive: true });
        for (const [name, text] of Object.entries(files)) await writeFile(join(project.dir, name), text);
        const built = () => readFile(join(project.dir, 'built'), 'utf8').catch(() => '');
        // npm makes a link in its cache the first time, and prepares the package for that.
        const npx = (cache: string) =>
          project.run('npx', ['livespan', 'tail'], { npm_config_cache: join(project.dir, cache) });
        expect(await npx('cache-1')).toBe('built tail\n');
        expect(await built()).toBe('');
        await rm(join(project.dir, 'dist/monitor'), { recursive: true });
        await npx('cache-2');
        expect(await built()).toBe('x');
        await mkdir(join(project.dir, 'dist/monitor'));
        await writeFile(join(project.dir, 'dist/monitor/index.html'), '');
        await project.run('npm', ['run', 'prepare']);
        expect(await built()).toBe('xx');
      } finally {
        await project.remove();
      }
    },
    SLOW,
  );
});

describe.each([
  {
    title: 'beside api 1.9 (Node 24 and 22)',
    packages: ['@opentelemetry/api@1.9.1', '@types/node@24.19.2', 'node@22.13.0'],
    sdk: undefined,
  },
  {
    title: 'beside api 1.10 with the 3.x SDK (Node 24)',
    packages: ['@opentelemetry/api@1.10.0', '@opentelemetry/sdk-trace@3.1.1', '@types/node@24.19.2'],
    sdk: '@opentelemetry/sdk-trace',
  },
])('installed $title', ({ packages, sdk }) => {
  let project: Project;
  beforeAll(async () => {
    project = await createProject([packed.tarball, ...packages]);
  }, SLOW);
  afterAll(async () => {
    await project.remove();
  });
  const nodes = () =>
    sdk === undefined ? [process.execPath, join(project.dir, 'node_modules/node/bin/node')] : [process.execPath];

  it(
    'works by import and by require',
    async () => {
      for (const node of nodes()) {
        expect(await project.script('main.mjs', `import { ${NAMES} } from 'livespan';${ROUND_TRIP}`, node)).toBe(
          'got hello\n',
        );
        expect(await project.script('main.cjs', `const { ${NAMES} } = require('livespan');${ROUND_TRIP}`, node)).toBe(
          'got hello\n',
        );
      }
    },
    SLOW,
  );

  it(
    'registers without code and serves from the command line',
    async () => {
      for (const node of nodes()) {
        const text =
          'console.log(typeof require("@opentelemetry/api").trace.getTracer("x").startSpan("y").spanContext().traceId)';
        await project.script('app.cjs', text, node);
        const env = { OTEL_TRACES_EXPORTER: 'none', LIVESPAN_URL: 'memory:' };
        expect(await project.run(node, ['--import', 'livespan/register', 'app.cjs'], env)).toBe('string\n');
        expect(await project.run(node, ['node_modules/livespan/dist/cli/main.js', '--help'])).toContain(
          'livespan serve',
        );
      }
      expect(await project.run('npx', ['--no-install', 'livespan', '--help'])).toContain('livespan serve');
    },
    SLOW,
  );

  it(
    'shows the monitor, with its script compressed',
    async () => {
      for (const node of nodes()) {
        expect(JSON.parse(await project.script('monitor.mjs', MONITOR, node))).toEqual({
          page: [200, 'text/html; charset=utf-8'],
          script: [200, 'text/javascript; charset=utf-8', 'br', 'public, max-age=31536000, immutable'],
          isWhole: true,
        });
      }
    },
    SLOW,
  );

  it(
    'has types that a strict project accepts',
    async () => {
      const flags = [
        '--noEmit',
        '--strict',
        '--exactOptionalPropertyTypes',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--types',
        'node',
      ];
      const foreign = `
import { ${sdk === undefined ? 'NodeTracerProvider' : 'TracerProvider'} } from '${sdk ?? '@opentelemetry/sdk-trace-node'}';
import { LiveSpanExporter, LiveSpanProcessor, createPublisher } from 'livespan';
const publisher = createPublisher();
export const processors: NonNullable<NonNullable<ConstructorParameters<typeof ${sdk === undefined ? 'NodeTracerProvider' : 'TracerProvider'}>[0]>['spanProcessors']> = [new LiveSpanProcessor(publisher)];
export const exporter = new LiveSpanExporter(publisher);
`;
      await project.script('empty.mjs', '');
      await writeFile(join(project.dir, 'typed.ts'), TYPED);
      await writeFile(join(project.dir, 'foreign.ts'), foreign);
      await writeFile(join(project.dir, 'common.cts'), TYPED);
      const output = await project
        .run(process.execPath, [TYPESCRIPT, ...flags, 'typed.ts', 'common.cts', 'foreign.ts'])
        .catch((error: Error & { stdout?: string }) => error.stdout ?? error.message);
      expect(output).toBe('');
    },
    SLOW,
  );
});
