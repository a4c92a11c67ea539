import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { callIdOfSpan, joinCall, openCallIdHolder } from '../../src/sdk/call-id.ts';
import { LiveSpanExporter } from '../../src/sdk/live-span-exporter.ts';
import { LiveSpanProcessor } from '../../src/sdk/live-span-processor.ts';
import type { Publisher } from '../../src/sdk/publisher-contract.ts';
import type { FinishedSpan, LiveSpanOptions, StartedSpan } from '../../src/sdk/span-types.ts';
import { createRecordingPublisher } from './support/recording-publisher.ts';
import { LINES } from './support/sdk-lines.ts';

describe.each(LINES)('LiveSpanProcessor on the $name line', (line) => {
  test('gives start and end as they happen, with their facts', () => {
    const { publisher, activities } = createRecordingPublisher();
    const tracer = line.tracer(
      { processors: [new LiveSpanProcessor(publisher)], resource: { 'service.name': 'shop' } },
      'app',
    );
    const parent = tracer.startSpan('parent');
    const startTime: [number, number] = [1_795_000_000, 123_456_789];
    const span = tracer.startSpan(
      'GET /cart',
      { kind: SpanKind.SERVER, startTime, attributes: { 'url.path': '/cart', tags: ['a', 'b'] } },
      trace.setSpan(ROOT_CONTEXT, parent),
    );
    expect(activities).toHaveLength(2);
    const start = activities[1];
    expect(start).toMatchObject({
      kind: 'span.start',
      name: 'GET /cart',
      severity: 'info',
      service: 'shop',
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parentSpanId: parent.spanContext().spanId,
      spanKind: 'server',
      scope: 'app',
      attributes: { 'url.path': '/cart', tags: ['a', 'b'] },
    });
    expect(start?.time).toMatch(/\.123457Z$/);
    expect(start).not.toHaveProperty('sampled');

    span
      .setAttribute('http.response.status_code', 500)
      .setStatus({ code: SpanStatusCode.ERROR, message: 'out of stock' });
    span.updateName('GET /cart/:id');
    span.end([1_795_000_000, 223_456_789]);
    expect(activities).toHaveLength(3);
    expect(activities[2]).toMatchObject({
      kind: 'span.end',
      name: 'GET /cart/:id',
      severity: 'error',
      status: 'error',
      statusMessage: 'out of stock',
      durationMs: 100,
      eventCount: 0,
      attributes: { 'url.path': '/cart', 'http.response.status_code': 500 },
    });
    // What was given at the start is a snapshot.
    expect(start?.attributes).not.toHaveProperty('http.response.status_code');
    expect(start?.name).toBe('GET /cart');
  });

  test('gives span events that are not on the feed yet directly before the end, with their own time', () => {
    const { publisher, activities } = createRecordingPublisher();
    const tracer = line.tracer({ processors: [new LiveSpanProcessor(publisher)] });
    const span = tracer.startSpan('work');
    span.addEvent('cache.miss', { key: 'k' }, [1_795_000_001, 5_000]);
    span.addEvent('already.live', { 'livespan.id': 'x' });
    span.recordException(new TypeError('bad'));
    expect(activities).toHaveLength(1);
    span.end();
    expect(activities.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'span.start work',
      'event cache.miss',
      'event exception',
      'span.end work',
    ]);
    expect(activities[1]).toMatchObject({
      attributes: { key: 'k' },
      severity: 'info',
      spanId: span.spanContext().spanId,
    });
    expect(activities[1]?.time).toMatch(/\.000005Z$/);
    expect(activities[2]).toMatchObject({
      severity: 'error',
      attributes: { 'exception.type': 'TypeError', 'exception.message': 'bad' },
    });
    expect(activities[3]).toMatchObject({ eventCount: 3, status: 'unset' });
  });

  test('counts dropped events', () => {
    const { publisher, activities } = createRecordingPublisher();
    const tracer = line.tracer({ processors: [new LiveSpanProcessor(publisher)], spanLimits: { eventCountLimit: 2 } });
    const span = tracer.startSpan('chatty');
    for (let index = 0; index < 5; index += 1) span.addEvent(`e${index}`);
    span.end();
    expect(activities.at(-1)).toMatchObject({ eventCount: 2, droppedEvents: 3 });
  });

  test('marks its spans, unless their resource is marked', () => {
    const { publisher, activities } = createRecordingPublisher();
    const processors = [new LiveSpanProcessor(publisher)];
    const marked = line.tracer({ processors }).startSpan('a') as unknown as StartedSpan;
    expect(marked.attributes).toEqual({ 'livespan.direct': true });
    const plain = line
      .tracer({ processors, resource: { 'livespan.direct': true } })
      .startSpan('b') as unknown as StartedSpan;
    expect(plain.attributes).toEqual({});
    expect(activities.map(({ attributes }) => attributes)).toEqual([{}, {}]);
  });

  test('says which spans are not sampled, and leaves them out when told to', () => {
    const all = createRecordingPublisher();
    const sampledOnly = createRecordingPublisher();
    const tracer = line.tracer({
      processors: [
        new LiveSpanProcessor(all.publisher),
        new LiveSpanProcessor(sampledOnly.publisher, { live: 'sampled' }),
      ],
      recordOnly: true,
    });
    tracer.startSpan('quiet').end();
    expect(all.activities.map(({ kind, sampled }) => [kind, sampled])).toEqual([
      ['span.start', false],
      ['span.end', false],
    ]);
    expect(sampledOnly.activities).toEqual([]);
  });

  test('filters by scope, name and attribute, the same at both ends', () => {
    const { publisher, activities } = createRecordingPublisher();
    const processor = new LiveSpanProcessor(publisher, {
      filter: ({ scope, name }) => scope === 'app' && !name.startsWith('health'),
      attributes: (key) => key !== 'noise',
    });
    const app = line.tracer({ processors: [processor] }, 'app');
    const health = app.startSpan('health');
    health.updateName('other');
    health.end();
    line
      .tracer({ processors: [processor] }, 'library')
      .startSpan('work')
      .end();
    const kept = app.startSpan('work', { attributes: { noise: 1, signal: 2 } });
    kept.updateName('health');
    kept.end();
    expect(activities.map(({ kind, attributes }) => [kind, attributes])).toEqual([
      ['span.start', { signal: 2 }],
      ['span.end', { signal: 2 }],
    ]);
    expect((health as unknown as StartedSpan).attributes).not.toHaveProperty('livespan.direct');
  });

  test('has the call id that holds when the span ends', () => {
    const { publisher, activities } = createRecordingPublisher();
    const tracer = line.tracer({ processors: [new LiveSpanProcessor(publisher)] });
    const from = openCallIdHolder(ROOT_CONTEXT, 'call-1');
    tracer.startSpan('work', {}, from).end();
    expect(activities.map(({ callId }) => callId)).toEqual(['call-1', 'call-1']);
  });

  test('ends the span of a request with the id of the call that was found in it', () => {
    const { publisher, activities } = createRecordingPublisher();
    const tracer = line.tracer({ processors: [new LiveSpanProcessor(publisher)] });
    const span = tracer.startSpan('request', {}, ROOT_CONTEXT);
    joinCall(span, openCallIdHolder(ROOT_CONTEXT, 'call-2'));
    span.end();
    expect(activities.map(({ kind, callId }) => `${kind} ${callId}`)).toEqual([
      'span.start undefined',
      'span.end call-2',
    ]);
    // One that does not record may stand for many: it joins none.
    const other = trace.wrapSpanContext(span.spanContext());
    joinCall(other, openCallIdHolder(ROOT_CONTEXT, 'call-3'));
    expect(callIdOfSpan(other)).toBeUndefined();
  });

  test('never throws into the application, whatever fails', () => {
    const { publisher } = createRecordingPublisher();
    const broken = new LiveSpanProcessor({
      ...publisher,
      publish: () => {
        throw new Error('broken publisher');
      },
    });
    const picky = new LiveSpanProcessor(publisher, {
      filter: () => {
        throw new Error('broken filter');
      },
    });
    const tracer = line.tracer({ processors: [broken, picky] });
    expect(() => tracer.startSpan('work').end()).not.toThrow();
    const odd = new LiveSpanProcessor(publisher);
    expect(() => odd.onStart({} as StartedSpan, ROOT_CONTEXT)).not.toThrow();
    expect(() => odd.onEnd(undefined as unknown as FinishedSpan)).not.toThrow();
  });

  test('stops at shutdown, flushes, and leaves the publisher open', async () => {
    const recording = createRecordingPublisher();
    const processor = new LiveSpanProcessor(recording.publisher);
    const tracer = line.tracer({ processors: [processor] });
    tracer.startSpan('before').end();
    await processor.forceFlush();
    await processor.shutdown();
    expect(recording.flushes).toBe(2);
    tracer.startSpan('after').end();
    expect(recording.activities.map(({ name }) => name)).toEqual(['before', 'before']);
  });
});

const WRONG: [unknown, unknown, RegExp][] = [
  [5, undefined, /^publisher: the value given is not a publisher/],
  [{}, undefined, /^publisher: /],
  [{ filter: () => true }, undefined, /^publisher: /],
  [undefined, 'sampled', /^options: the value given is not an object/],
  [undefined, { filter: 'GET' }, /^filter: the value given is not a function/],
  [undefined, { attributes: ['a'] }, /^attributes: /],
  [undefined, { live: 'some' }, /^live: "some" is not one of all, sampled/],
];

test.each([LiveSpanProcessor, LiveSpanExporter])('%o says what is wrong when it is made', (Wanted) => {
  for (const [publisher, options, message] of WRONG) {
    const make = () => new Wanted(publisher as Publisher, options as LiveSpanOptions);
    expect(make).toThrow(expect.objectContaining({ name: 'LivespanError', code: 'invalid_option' }));
    expect(make).toThrow(message);
  }
  expect(() => new Wanted(null as unknown as Publisher, null as unknown as LiveSpanOptions)).not.toThrow();
});

test('reads spans of the 1.x line', () => {
  const { publisher, activities } = createRecordingPublisher();
  const processor = new LiveSpanProcessor(publisher);
  const span: FinishedSpan = {
    name: 'old',
    kind: SpanKind.CLIENT,
    startTime: [1_795_000_000, 0],
    endTime: [1_795_000_000, 1_500_000],
    duration: [0, 1_500_000],
    status: { code: SpanStatusCode.OK },
    attributes: {},
    events: [],
    parentSpanId: 'b7ad6b7169203331',
    instrumentationLibrary: { name: 'legacy' },
    spanContext: () => ({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: '00f067aa0ba902b7', traceFlags: 1 }),
  };
  processor.onStart(span, ROOT_CONTEXT);
  processor.onEnd(span);
  expect(activities).toMatchObject([
    { kind: 'span.start', parentSpanId: 'b7ad6b7169203331', scope: 'legacy', spanKind: 'client' },
    { kind: 'span.end', durationMs: 1.5, status: 'ok' },
  ]);
});
