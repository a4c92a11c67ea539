/**
 * One process, one mode: what a call costs, in ns of wall time and of process CPU.
 * argv: mode, events, Redis URL (modes that publish)
 */
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { emitEvent } from '../src/sdk/emitter.ts';
import { LiveSpanProcessor } from '../src/sdk/live-span-processor.ts';
import { createPublisher } from '../src/sdk/publisher.ts';
import { registerPublisher } from '../src/sdk/publisher-registry.ts';
import { DIRECT } from '../src/sdk/span-facts.ts';

const [mode = 'floor', countText = '200000', url = 'memory:'] = process.argv.slice(2);
const count = Number(countText);
const EVENTS_PER_SPAN = 100;
const SPANS_PER_TURN = 10;

const publisher =
  mode.startsWith('emit') || mode.startsWith('spans-live')
    ? createPublisher({ url, feed: `livespan:bench-${process.pid}` })
    : undefined;
const provider = new NodeTracerProvider({
  // As startTelemetry does it, every span of the process is marked by its resource; else each is marked by itself.
  ...(mode === 'spans-live' && { resource: resourceFromAttributes({ [DIRECT]: true }) }),
  spanProcessors: mode.startsWith('spans-live') && publisher !== undefined ? [new LiveSpanProcessor(publisher)] : [],
});
if (mode !== 'nothing') {
  registerPublisher(publisher);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
}
const tracer = trace.getTracer('bench');
const ID_TAIL = '-7c1e-b2a4-5d1f0a9e77c2';
let sink = 0;

/** What ends up on the span event, as a fresh literal, straight to the SDK: the floor. */
function addEvent(index: number): Record<string, string | number | boolean> {
  const attributes = {
    'livespan.id': `01997b5e-${1000 + (index & 8191)}${ID_TAIL}`,
    'event.severity': 'info',
    'event.summary': 'Request received: gpt-4o (stream=true)',
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.usage.input_tokens': index,
    'http.route': '/v1/chat/completions',
    'server.address': 'api.openai.example',
    stream: true,
  };
  trace.getActiveSpan()?.addEvent('gateway.request_received', attributes);
  return attributes;
}

function emit(index: number): void {
  emitEvent('gateway.request_received', {
    summary: 'Request received: gpt-4o (stream=true)',
    severity: 'info',
    data: {
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': index,
      'http.route': '/v1/chat/completions',
      'server.address': 'api.openai.example',
      stream: true,
    },
  });
}

/** The least that two sinks need: the span event, and the JSON of the same activity. */
function addEventAndStringify(index: number): void {
  const attributes = addEvent(index);
  sink += JSON.stringify({
    id: attributes['livespan.id'],
    kind: 'event',
    name: 'gateway.request_received',
    time: '2026-11-21T00:22:37.123456Z',
    severity: 'info',
    summary: 'Request received: gpt-4o (stream=true)',
    service: 'gateway',
    instance: 'gw-7c9f:4711-e1a0',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    attributes,
  }).length;
}

function spanWith(body: ((index: number) => void) | undefined, base: number): void {
  const span = tracer.startSpan('POST /v1/chat/completions');
  if (body !== undefined) {
    context.with(trace.setSpan(ROOT_CONTEXT, span), () => {
      for (let index = 0; index < EVENTS_PER_SPAN; index++) body(base + index);
    });
  }
  span.end();
}

const BODIES: Record<string, ((index: number) => void) | undefined> = {
  floor: addEvent,
  'floor-json': addEventAndStringify,
  emit,
  nothing: emit,
  spans: undefined,
  'spans-live': undefined,
  'spans-live-manual': undefined,
};

/** Wall time of the calls alone (ns a call); the queue is emptied between turns, outside the clock. */
async function run(calls: number): Promise<{ wallNs: number; cpuNs: number }> {
  const body = BODIES[mode];
  const perTurn = EVENTS_PER_SPAN * SPANS_PER_TURN;
  let wall = 0n;
  const cpuBefore = process.cpuUsage();
  for (let done = 0; done < calls; done += perTurn) {
    const start = process.hrtime.bigint();
    if (mode === 'nothing') for (let index = 0; index < perTurn; index++) emit(index);
    else if (body === undefined) for (let index = 0; index < perTurn; index++) spanWith(undefined, 0);
    else for (let span = 0; span < SPANS_PER_TURN; span++) spanWith(body, done + span * EVENTS_PER_SPAN);
    wall += process.hrtime.bigint() - start;
    if (publisher !== undefined) await publisher.flush();
  }
  const cpu = process.cpuUsage(cpuBefore);
  return { wallNs: Number(wall) / calls, cpuNs: ((cpu.user + cpu.system) * 1_000) / calls };
}

await run(Math.ceil(count / 4));
globalThis.gc?.();
const result = await run(count);
const stats = publisher?.stats();
await publisher?.close();
if (stats !== undefined && stats.published !== stats.emitted)
  throw new Error(`not all published: ${JSON.stringify(stats)}`);
process.stdout.write(`${JSON.stringify({ ...result, sink: sink > 0 })}\n`);
