import { context, propagation, ROOT_CONTEXT, type Span, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { parseTimeUs } from '../../src/activity/time.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { setCallId, withCallId } from '../../src/sdk/call-id.ts';
import { type EmitOptions, emitEvent } from '../../src/sdk/emitter.ts';
import { createPublisher, registerPublisher } from '../../src/sdk/publisher.ts';
import type { Publisher, PublisherOptions } from '../../src/sdk/publisher-contract.ts';
import { LINES } from '../telemetry/support/sdk-lines.ts';
import { readAll, uniqueFeed } from './support/reading.ts';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let tracer: Tracer;

let feed: string;
let bus: Bus;
let publisher: Publisher | undefined;

function setUp(options: PublisherOptions = {}): Publisher {
  publisher = createPublisher({ url: 'memory:', feed, ...options });
  registerPublisher(publisher);
  return publisher;
}

async function published(): Promise<Activity[]> {
  await publisher?.flush();
  return readAll(bus);
}

async function only(): Promise<Activity> {
  const activities = await published();
  expect(activities).toHaveLength(1);
  return activities[0] as Activity;
}

function inSpan(run: (span: Span) => void, name = 'work'): ReadableSpan {
  const span = tracer.startSpan(name);
  context.with(trace.setSpan(context.active(), span), () => run(span));
  span.end();
  return span as unknown as ReadableSpan;
}

beforeAll(() => provider.register());
afterAll(async () => {
  await provider.shutdown();
  trace.disable();
  context.disable();
  propagation.disable();
});
beforeEach(async () => {
  feed = uniqueFeed();
  bus = await openBus({ url: 'memory:', feed });
});
afterEach(async () => {
  await publisher?.close();
  publisher = undefined;
  registerPublisher(undefined);
  exporter.reset();
  await bus.close();
});

describe.each(LINES)('with the $name line of the SDK', (line) => {
  beforeAll(() => {
    tracer = line.tracer({ processors: [] });
  });

  describe('emitEvent', () => {
    test('gives both sinks one id, one instant and one set of attributes', async () => {
      setUp({ service: 'gateway' });
      const span = inSpan(() => {
        emitEvent('gateway.request_received', {
          summary: 'Request received',
          severity: 'warn',
          callId: 'call-1',
          data: { model: 'gpt', nested: { deep: [1, 2] }, password: 'hunter2', when: new Date(0) },
        });
      });
      const activity = await only();
      const event = span.events[0];
      expect(event?.name).toBe('gateway.request_received');
      expect(Object.keys(event?.attributes ?? {}).slice(0, 4)).toEqual([
        'livespan.id',
        'event.severity',
        'event.summary',
        'call.id',
      ]);
      const {
        'livespan.id': id,
        'event.severity': severity,
        'event.summary': summary,
        'call.id': callId,
        ...rest
      } = event?.attributes ?? {};
      expect({ id, severity, summary, callId }).toEqual({
        id: activity.id,
        severity: 'warn',
        summary: 'Request received',
        callId: 'call-1',
      });
      expect(rest).toEqual(activity.attributes);
      expect(Object.keys(rest)).toEqual(Object.keys(activity.attributes));
      expect(activity.attributes).toEqual({
        model: 'gpt',
        'nested.deep': [1, 2],
        password: '[redacted]',
        when: '1970-01-01T00:00:00.000Z',
      });
      const [seconds, nanoseconds] = event?.time ?? [0, 0];
      expect(seconds * 1e6 + nanoseconds / 1e3).toBe(parseTimeUs(activity.time));
      const { traceId, spanId } = span.spanContext();
      expect(activity).toMatchObject({ kind: 'event', service: 'gateway', callId: 'call-1', traceId, spanId });
      expect(activity).not.toHaveProperty('sampled');
    });

    test('is never before the start of its span and keeps a time that is given', async () => {
      setUp();
      const future = Date.now() + 60_000;
      const span = tracer.startSpan('later', { startTime: future });
      emitEvent('a.clock', { span });
      emitEvent('a.given', { span, time: new Date(12_345) });
      emitEvent('a.invalid', { span, time: new Date(Number.NaN) });
      span.end(future + 1);
      const activities = await published();
      expect(activities.map(({ time }) => (parseTimeUs(time) ?? 0) / 1e3)).toEqual([future, 12.345 * 1e3, future]);
      expect((span as unknown as ReadableSpan).events.map(({ time }) => time[0])).toEqual([
        Math.floor(future / 1e3),
        12,
        Math.floor(future / 1e3),
      ]);
    });

    test('is a snapshot: what is changed after the call is not seen', async () => {
      setUp();
      const data = { list: ['a'], object: { x: 1 }, text: 'before' };
      const span = inSpan(() => {
        emitEvent('a.b', { data });
        data.list.push('b');
        data.object.x = 2;
        data.text = 'after';
      });
      const expected = { list: ['a'], 'object.x': 1, text: 'before' };
      expect((await only()).attributes).toEqual(expected);
      expect(span.events[0]?.attributes).toMatchObject(expected);
    });

    test('publishes without a span', async () => {
      setUp();
      emitEvent('a.b', { data: { x: 1 } });
      const activity = await only();
      expect(activity).not.toHaveProperty('traceId');
      expect(activity.attributes).toEqual({ x: 1 });
    });

    test('adds the span event without a publisher', () => {
      const span = inSpan(() => emitEvent('a.b', { data: { x: 1, token: 'secret' } }));
      expect(span.events[0]?.attributes).toMatchObject({ x: 1, token: '[redacted]', 'event.severity': 'info' });
      expect(span.events[0]?.attributes?.['livespan.id']).toMatch(/^[0-9a-f]{8}-/);
    });

    test('does nothing with neither', () => {
      expect(() => emitEvent('a.b', { data: { x: 1 } })).not.toThrow();
      expect(() => emitEvent('a.b')).not.toThrow();
    });

    test('says that a trace is not sampled', async () => {
      setUp();
      const off = new NodeTracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('off');
      emitEvent('a.unsampled', { span: off.startSpan('x') });
      const recordOnly = new NodeTracerProvider({
        sampler: { shouldSample: () => ({ decision: SamplingDecision.RECORD }), toString: () => 'record' },
      });
      const span = recordOnly.getTracer('record').startSpan('x');
      emitEvent('a.recorded', { span });
      const activities = await published();
      expect(activities.map(({ name, sampled, traceId }) => [name, sampled, traceId?.length])).toEqual([
        ['a.unsampled', false, 32],
        ['a.recorded', false, 32],
      ]);
      expect((span as unknown as ReadableSpan).events).toHaveLength(1);
    });

    test('a remote parent that is sampled is no unsampled trace', async () => {
      setUp();
      const span = trace.wrapSpanContext({
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        spanId: '00f067aa0ba902b7',
        traceFlags: TraceFlags.SAMPLED,
      });
      emitEvent('a.b', { span });
      expect(await only()).not.toHaveProperty('sampled');
    });

    test('after the end of its span the live side goes out and says so', async () => {
      setUp();
      const span = inSpan((active) => {
        active.end();
        emitEvent('a.late', { data: { x: 1 } });
      });
      expect(span.events).toHaveLength(0);
      expect((await only()).attributes).toEqual({ x: 1, 'livespan.span_ended': true });
    });

    test('finds the active span inside nested async work', async () => {
      setUp();
      const outer = tracer.startSpan('outer');
      const inner = tracer.startSpan('inner');
      await context.with(trace.setSpan(ROOT_CONTEXT, outer), async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        await context.with(trace.setSpan(context.active(), inner), async () => {
          await Promise.resolve();
          emitEvent('a.inner');
        });
        await new Promise((resolve) => setImmediate(resolve));
        emitEvent('a.outer');
      });
      inner.end();
      outer.end();
      const activities = await published();
      expect(activities.map(({ name, spanId }) => [name, spanId])).toEqual([
        ['a.inner', inner.spanContext().spanId],
        ['a.outer', outer.spanContext().spanId],
      ]);
    });

    test('carries the call id of withCallId, setCallId and the call itself', async () => {
      setUp();
      await withCallId('outer', async () => {
        emitEvent('a.1');
        const helper = async () => {
          await Promise.resolve();
          setCallId('set');
        };
        await helper();
        emitEvent('a.2');
        withCallId('inner', () => emitEvent('a.3'));
        emitEvent('a.4', { callId: 'own' });
        emitEvent('a.5', { callId: '' });
      });
      emitEvent('a.6');
      await new Promise<void>((resolve) => {
        setImmediate(() => {
          setCallId('alone');
          emitEvent('a.7');
          resolve();
        });
      });
      expect((await published()).map(({ callId }) => callId)).toEqual([
        'outer',
        'set',
        'inner',
        'own',
        'set',
        undefined,
        'alone',
      ]);
    });

    test('ids are unique and in order', async () => {
      setUp();
      for (let index = 0; index < 10_000; index += 1) emitEvent('a.b');
      const ids = (await published()).map(({ id }) => id);
      expect(new Set(ids).size).toBe(10_000);
      expect(ids).toEqual([...ids].sort());
    });
  });

  describe('the OpenTelemetry side', () => {
    const memory = new InMemoryLogRecordExporter();
    const loggers = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: memory })] });

    beforeAll(() => {
      logs.setGlobalLoggerProvider(loggers);
    });
    afterAll(async () => {
      logs.disable();
      await loggers.shutdown();
    });
    afterEach(() => memory.reset());

    test.each(['log', 'both'] as const)('%s', async (events) => {
      setUp({ events });
      const span = inSpan(() => emitEvent('a.b', { severity: 'error', summary: 'It broke', data: { x: 1 } }));
      const activity = await only();
      expect(span.events).toHaveLength(events === 'both' ? 1 : 0);
      const [record] = memory.getFinishedLogRecords();
      expect(record).toMatchObject({
        eventName: 'a.b',
        severityNumber: 17,
        severityText: 'ERROR',
        body: 'It broke',
        attributes: { 'livespan.id': activity.id, x: 1 },
      });
      expect(record?.spanContext).toMatchObject({ traceId: activity.traceId, spanId: activity.spanId });
      const [seconds, nanoseconds] = record?.hrTime ?? [0, 0];
      expect(seconds * 1e6 + nanoseconds / 1e3).toBe(parseTimeUs(activity.time));
    });
  });

  describe('bad arguments never throw', () => {
    const hostile: [string, unknown, unknown][] = [
      ['no name', undefined, {}],
      ['an empty name', '', {}],
      ['a number as name', 7, {}],
      ['a symbol as name', Symbol('x'), {}],
      ['null for options', 'a.b', null],
      ['a number for options', 'a.b', 7],
      ['data that is a text', 'a.b', { data: 'text' }],
      ['a span that is none', 'a.b', { span: {} }],
      ['a span that is a number', 'a.b', { span: 7 }],
      ['a severity that is none', 'a.b', { severity: 'loud' }],
      ['a summary that is an object', 'a.b', { summary: { a: 1 } }],
      ['a call id that is a number', 'a.b', { callId: 7 }],
      ['a time that is a text', 'a.b', { time: 'now' }],
      ['lone surrogates', 'a.\ud800', { summary: '\udc00', callId: '\ud800', data: { x: '\ud800' } }],
    ];
    test.each(hostile)('%s', async (_, name, options) => {
      const { stats } = setUp();
      inSpan(() => {
        expect(() => emitEvent(name as string, options as EmitOptions)).not.toThrow();
      });
      await published();
      const { emitted, published: count, dropped } = stats.call(publisher);
      expect(emitted).toBe(1);
      expect(count + dropped.invalid).toBe(1);
      expect(dropped.invalid).toBe(typeof name === 'string' && name !== '' ? 0 : 1);
    });

    test('getters that throw on the options lose only themselves', async () => {
      setUp();
      const options = {
        get summary(): string {
          throw new Error('made up');
        },
        data: {
          fine: 1,
          get bad(): string {
            throw new Error('made up');
          },
        },
      };
      emitEvent('a.b', options);
      const activity = await only();
      expect(activity).not.toHaveProperty('summary');
      expect(activity.attributes.fine).toBe(1);
    });

    test('a span whose methods throw does not stop the live side', async () => {
      setUp();
      const span = tracer.startSpan('x');
      span.addEvent = () => {
        throw new Error('made up');
      };
      emitEvent('a.b', { span });
      expect(await only()).toMatchObject({ name: 'a.b', spanId: span.spanContext().spanId });
    });

    test('long texts are cut and stay within the size of an activity', async () => {
      setUp();
      const wide = Object.fromEntries(
        Array.from({ length: 10_000 }, (_, index) => [`k${index}`, '\u0001'.repeat(700)]),
      );
      const span = inSpan(() => {
        emitEvent('n'.repeat(300), { summary: '\u0001'.repeat(1e6), callId: 'c'.repeat(5_000), data: wide });
      });
      const activity = await only();
      expect(activity.name).toHaveLength(255);
      expect(activity.summary?.length).toBe(4_096);
      expect(activity.callId).toHaveLength(200);
      expect(Buffer.byteLength(JSON.stringify(activity))).toBeLessThanOrEqual(65_536);
      expect(span.events[0]?.name).toHaveLength(255);
    });
  });
});
