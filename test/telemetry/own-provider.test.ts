import { describe, expect, test } from 'vitest';
import { type ChildOptions, INDEX, runChild } from './support/child.ts';

/** Imports of one kind of program, by the name they get. */
function imports(kind: 'mjs' | 'cjs', names: Record<string, string>): string {
  return Object.entries(names)
    .map(([what, from]) => (kind === 'mjs' ? `import ${what} from '${from}';` : `const ${what} = require('${from}');`))
    .join('\n');
}

const NODE_SDK = {
  '{ NodeSDK }': '@opentelemetry/sdk-node',
  '{ InMemorySpanExporter, SimpleSpanProcessor }': '@opentelemetry/sdk-trace-node',
  '{ trace, context }': '@opentelemetry/api',
  '{ HttpInstrumentation }': '@opentelemetry/instrumentation-http',
};
const START_SDK = `
const memory = new InMemorySpanExporter();
const sdk = new NodeSDK({ spanProcessors: [new SimpleSpanProcessor(memory)], instrumentations: [INSTRUMENTATIONS], autoDetectResources: false, metricReaders: [], logRecordProcessors: [] });
sdk.start();
`;
const names = `memory.getFinishedSpans().map((span) => span.name)`;

describe.each(['mjs', 'cjs'] as const)('an application of its own NodeSDK (%s)', (kind) => {
  const preload: ChildOptions['preload'] = kind === 'mjs' ? 'import' : 'require';

  test('started after the preload gets every span, also of tracers taken before', async () => {
    const child = await runChild(
      `${imports(kind, NODE_SDK)}
      const early = trace.getTracer('early');
      early.startSpan('before').end();
      ${START_SDK.replace('INSTRUMENTATIONS', '')}
      early.startActiveSpan('parent', (parent) => {
        trace.getTracer('late').startSpan('child').end();
        report({ active: trace.getActiveSpan() === parent });
        parent.end();
      });
      setTimeout(() => early.startActiveSpan('later', (span) => setTimeout(() => {
        report({ active: trace.getActiveSpan() === span });
        span.end();
        const parents = memory.getFinishedSpans().map((span) => span.parentSpanContext?.spanId !== undefined);
        report({ names: ${names}, parents });
      }, 5)), 5);`,
      { kind, preload },
    );
    expect(child.stderr).toContain('LIVESPAN_PROVIDER_TAKEN');
    expect(child.stderr).toContain('spanProcessors: [new LiveSpanProcessor(publisher)]');
    expect(child.reports).toEqual([
      { active: true },
      { active: true },
      { names: ['child', 'parent', 'later'], parents: [true, false, false] },
    ]);
    expect(child.code).toBe(0);
  });

  test('with its own HTTP instrumentation gets each HTTP span once', async () => {
    const child = await runChild(
      `${imports(kind, NODE_SDK)}
      ${START_SDK.replace('INSTRUMENTATIONS', 'new HttpInstrumentation()')}
      ${kind === 'mjs' ? "const require = (await import('node:module')).createRequire(import.meta.url);" : ''}
      const { createServer, get } = require('node:http');
      const server = createServer((request, response) => {
        report({ traceparent: request.headers.traceparent !== undefined });
        response.end('ok');
      }).listen(0, '127.0.0.1', () => {
        get({ port: server.address().port, host: '127.0.0.1', agent: false }, (response) => {
          response.resume();
          response.on('close', () => server.close(() => setTimeout(() => {
            report({ kinds: memory.getFinishedSpans().map((span) => span.kind).sort() });
          }, 50)));
        });
      });`,
      { kind, preload },
    );
    expect(child.reports, child.stderr).toEqual([{ traceparent: true }, { kinds: [1, 2] }]);
  });

  test('without HTTP instrumentation sees none of ours', async () => {
    const child = await runChild(
      `${imports(kind, NODE_SDK)}
      ${START_SDK.replace('INSTRUMENTATIONS', '')}
      ${kind === 'mjs' ? "const { createServer } = await import('node:http');" : "const { createServer } = require('node:http');"}
      const server = createServer((request, response) => {
        report({ traceparent: request.headers.traceparent ?? null });
        trace.getTracer('app').startSpan('handler').end();
        response.end('ok');
      }).listen(0, '127.0.0.1', async () => {
        await (await fetch('http://127.0.0.1:' + server.address().port)).text();
        server.close();
        server.closeAllConnections();
        const [span] = memory.getFinishedSpans();
        report({ names: ${names}, parent: span.parentSpanContext ?? null });
      });`,
      { kind, preload },
    );
    expect(child.reports).toEqual([{ traceparent: null }, { names: ['handler'], parent: null }]);
  });

  test('started before startTelemetry keeps its provider, and is told the line to add', async () => {
    const load =
      kind === 'mjs'
        ? `const { startTelemetry, emitEvent, LiveSpanProcessor } = await import('${INDEX}');`
        : `const { startTelemetry, emitEvent, LiveSpanProcessor } = require('${INDEX}');`;
    const child = await runChild(
      `${imports(kind, NODE_SDK)}
      ${START_SDK.replace('INSTRUMENTATIONS', '')}
      ${load}
      const telemetry = startTelemetry();
      trace.getTracer('app').startActiveSpan('work', (span) => { emitEvent('app.done', { data: { n: 1 } }); span.end(); });
      const [span] = memory.getFinishedSpans();
      telemetry.forceFlush().then(() => {
        report({ names: ${names}, events: span.events.map((event) => event.name), published: telemetry.stats().published });
      });`,
      { kind, preload: 'none' },
    );
    expect(child.stderr).toContain('LIVESPAN_PROVIDER_PRESENT');
    expect(child.stderr).toContain('spanProcessors: [new LiveSpanProcessor(publisher)]');
    expect(child.reports).toEqual([{ names: ['work'], events: ['app.done'], published: 1 }]);
  });
});

describe('another version of the API in the application', () => {
  const program = (before: string) => `
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    const old = require('otel-api-1-9');
    ${before}
    const { startTelemetry } = await import('${INDEX}');
    const { trace } = await import('@opentelemetry/api');
    const { NodeTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');
    startTelemetry();
    trace.getTracer('new').startActiveSpan('ours', (span) => {
      report({ seen: old.trace.getActiveSpan() === span });
      span.end();
    });
    const memory = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
    report({ registered: old.trace.setGlobalTracerProvider(provider) });
    old.trace.getTracer('old').startSpan('theirs').end();
    trace.getTracer('new').startSpan('theirs too').end();
    report({ names: ${names} });`;

  test.each([
    ['registers after us', ''],
    [
      'was there first with its diagnostics',
      'old.diag.setLogger(new old.DiagConsoleLogger(), old.DiagLogLevel.ERROR);',
    ],
  ])('%s', async (_, before) => {
    const child = await runChild(program(before), { preload: 'none' });
    expect(child.reports, child.stderr).toEqual([
      { seen: true },
      { registered: true },
      { names: ['theirs', 'theirs too'] },
    ]);
  });
});

test('globals that cannot be changed are told', async () => {
  const child = await runChild(
    `import { diag, trace } from '@opentelemetry/api';
    diag.setLogger({ error() {}, warn() {}, info() {}, debug() {}, verbose() {} });
    const key = Symbol.for('opentelemetry.js.api.1');
    Object.defineProperty(globalThis, key, { value: globalThis[key], writable: true, configurable: false });
    const { startTelemetry } = await import('${INDEX}');
    startTelemetry();
    report({ recording: trace.getTracer('app').startSpan('work').isRecording() });`,
    { preload: 'none' },
  );
  expect(child.stderr).toContain('LIVESPAN_PROVIDER_FIXED');
  expect(child.reports).toEqual([{ recording: true }]);
});
