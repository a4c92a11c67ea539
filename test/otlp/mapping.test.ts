import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Activity, SEVERITIES } from '../../src/activity/activity.ts';
import { decodeActivity, encodeActivity } from '../../src/activity/codec.ts';
import { FLATTEN_LIMITS, noCuts } from '../../src/activity/flatten.ts';
import { createRedactor } from '../../src/activity/redaction.ts';
import { createReceiver, type MetricsHook } from '../../src/otlp/receive.ts';
import { cases } from '../support/cases.ts';
import { attribute, jsonLogs, jsonSpan, jsonTraces, SPAN_ID, TRACE_ID } from './doors.ts';
import { logsRequest, tracesRequest } from './requests.ts';
import { encodeMessage } from './schema.ts';

const NOW_US = 1_763_684_557_000_001;
const LIVE_ID = '01997b5e-3a6c-7c1e-b2a4-5d1f0a9e77c2';

function receiver(options: { keepLive?: boolean; onMetrics?: MetricsHook } = {}) {
  const jsons: string[] = [];
  const { receive, counts } = createReceiver({
    flatten: { limits: { ...FLATTEN_LIMITS }, redactor: createRedactor([]), counts: noCuts() },
    keepLive: options.keepLive ?? false,
    ...(options.onMetrics !== undefined && { onMetrics: options.onMetrics }),
    nowUs: () => NOW_US,
    heldBytesMax: 1e9,
    madeBytesMax: 1e9,
    publish: async ({ activities }) => {
      jsons.push(...activities);
      return 'appended';
    },
  });
  return { receive, counts, jsons };
}

async function map(signal: 'traces' | 'logs', body: string, options?: { keepLive?: boolean }): Promise<Activity[]> {
  const { receive, jsons } = receiver(options);
  expect(await receive(signal, 'json', Buffer.from(body))).toEqual({ outcome: 'accepted', rejected: 0 });
  return jsons.map((json) => {
    const decoded = decodeActivity(json);
    if (!decoded.ok) throw new Error(decoded.reason);
    return decoded.activity;
  });
}

const span = async (members: object, resource?: object) =>
  map('traces', jsonTraces([jsonSpan({ ...members })], resource));
const log = async (record: object, options?: { keepLive?: boolean }) => map('logs', jsonLogs([record]), options);

describe('every activity', () => {
  it.each(['traces', 'logs'] as const)(
    'of random %s is valid, and written as encodeActivity writes it',
    async (signal) => {
      const request = (signal === 'traces' ? tracesRequest : logsRequest) as fc.Arbitrary<object>;
      await fc.assert(
        fc.asyncProperty(request, async (message) => {
          const { receive, jsons } = receiver();
          const bytes = encodeMessage(signal === 'traces' ? 'TracesRequest' : 'LogsRequest', message);
          expect((await receive(signal, 'protobuf', bytes)).outcome).toBe('accepted');
          for (const json of jsons) {
            const decoded = decodeActivity(json);
            if (!decoded.ok) throw new Error(`${decoded.reason}: ${json}`);
            expect(encodeActivity(decoded.activity)).toBe(json);
          }
          expect(new Set(jsons.map((json) => JSON.parse(json).id as string)).size).toBe(jsons.length);
        }),
        cases(200, 2),
      );
    },
  );

  it('has the same id for the same bytes, UUIDv7 of its own time', async () => {
    const [first] = await span({});
    const [second] = await span({});
    expect(first?.id).toBe(second?.id);
    const ms = Number.parseInt((first?.id ?? '').replaceAll('-', '').slice(0, 12), 16);
    expect(ms).toBe(1_763_684_557_125);
  });
});

describe('a span', () => {
  it('comes after its events, each with its own time, exact to the µs', async () => {
    const events = [
      { name: 'first', timeUnixNano: '1763684557123457999', attributes: [attribute('k', 'v')] },
      { name: 'exception', timeUnixNano: '1763684557124000001', attributes: [attribute('exception.type', 'E')] },
      { name: '', attributes: [], droppedAttributesCount: 3 },
    ];
    const dropped = { droppedEventsCount: 7, droppedAttributesCount: 2, droppedLinksCount: 5 };
    const items = await span({ events, links: [{}, {}], ...dropped });
    expect(items.map(({ kind, name, time, severity }) => [kind, name, time, severity])).toEqual([
      ['event', 'first', '2025-11-21T00:22:37.123457Z', 'info'],
      ['event', 'exception', '2025-11-21T00:22:37.124000Z', 'error'],
      // Without a time of its own it has the span's end.
      ['event', 'event', '2025-11-21T00:22:37.125000Z', 'info'],
      ['span.end', 'GET /health', '2025-11-21T00:22:37.125000Z', 'info'],
    ]);
    expect(items[0]).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, attributes: { k: 'v' } });
    expect(items[2]?.attributes).toEqual({ 'livespan.dropped_attributes': 3 });
    expect(items[3]).toMatchObject({
      durationMs: 1.544,
      eventCount: 3,
      droppedEvents: 7,
      attributes: { 'livespan.links': 2, 'livespan.dropped_links': 5, 'livespan.dropped_attributes': 2 },
    });
  });

  it.each([
    [0, 'internal'],
    [1, 'internal'],
    [2, 'server'],
    [3, 'client'],
    [4, 'producer'],
    [5, 'consumer'],
    [99, 'internal'],
  ])('of kind %i is %s', async (kind, spanKind) => {
    expect((await span({ kind }))[0]?.spanKind).toBe(spanKind);
  });

  it.each([
    [{}, 'unset', 'info'],
    [{ code: 1 }, 'ok', 'info'],
    [{ code: 2, message: 'broke' }, 'error', 'error'],
    [{ code: 7 }, 'unset', 'info'],
  ])('of status %j is %s', async (status, expected, severity) => {
    const [item] = await span({ status });
    expect([item?.status, item?.severity, item?.statusMessage]).toEqual([
      expected,
      severity,
      (status as { message?: string }).message,
    ]);
  });

  it('has service and instance of its resource, call id of its attributes, ids in any case', async () => {
    const resource = { attributes: [attribute('service.name', 'shop'), attribute('service.instance.id', 'shop-1')] };
    const [item] = await span(
      { traceId: TRACE_ID.toUpperCase(), parentSpanId: 'ABCDEFABCDEF0123', attributes: [attribute('call.id', 'c-1')] },
      resource,
    );
    expect(item).toMatchObject({
      service: 'shop',
      instance: 'shop-1',
      callId: 'c-1',
      traceId: TRACE_ID,
      parentSpanId: 'abcdefabcdef0123',
    });
    expect(item?.attributes).toEqual({});
    expect((await span({ parentSpanId: '' }))[0]).not.toHaveProperty('parentSpanId');
    expect((await span({ parentSpanId: '0'.repeat(16) }))[0]).not.toHaveProperty('parentSpanId');
  });

  it('keeps secrets and the reserved names out', async () => {
    const attributes = [attribute('db.password', 'hunter2'), attribute('livespan.links', 'mine'), attribute('k', 'v')];
    expect((await span({ attributes }))[0]?.attributes).toEqual({ 'db.password': '[redacted]', k: 'v' });
  });

  it('with very many events counts those that are not read', async () => {
    const items = await span({ events: Array(17_000).fill({ name: 'e' }), droppedEventsCount: 1 });
    expect(items).toHaveLength(16_385);
    expect(items.at(-1)).toMatchObject({ eventCount: 16_384, droppedEvents: 617 });
  });
});

describe('AnyValue', () => {
  it.each<[string, object, unknown]>([
    ['text', { stringValue: 'a' }, 'a'],
    ['empty text', { stringValue: '' }, ''],
    ['boolean', { boolValue: false }, false],
    ['integer as text', { intValue: '42' }, 42],
    ['integer as number', { intValue: -42 }, -42],
    ['integer beyond 2^53', { intValue: '9223372036854775807' }, '9223372036854775807'],
    ['double', { doubleValue: 0.25 }, 0.25],
    ['NaN', { doubleValue: 'NaN' }, 'NaN'],
    ['infinity', { doubleValue: '-Infinity' }, '-Infinity'],
    ['bytes', { bytesValue: 'AQID' }, 'base64:AQID'],
    ['array of one type', { arrayValue: { values: [{ intValue: 1 }, { intValue: '2' }] } }, [1, 2]],
    ['mixed array', { arrayValue: { values: [{ intValue: 1 }, { stringValue: 'a' }, {}] } }, '[1,"a",null]'],
    ['empty array', { arrayValue: {} }, []],
  ])('%s', async (_, value, expected) => {
    expect((await span({ attributes: [{ key: 'k', value }] }))[0]?.attributes).toEqual({ k: expected });
  });

  it('objects become dotted keys, empty values nothing', async () => {
    const values = [
      attribute('b', 'x'),
      { key: 'c', value: { kvlistValue: { values: [attribute('d', { intValue: 1 })] } } },
    ];
    const attributes = [{ key: 'a', value: { kvlistValue: { values } } }, { key: 'none', value: {} }, { key: 'null' }];
    expect((await span({ attributes }))[0]?.attributes).toEqual({ 'a.b': 'x', 'a.c.d': 1 });
  });
});

describe('a log record', () => {
  it('maps its members', async () => {
    const [item] = await log({
      timeUnixNano: '1763684557123456789',
      observedTimeUnixNano: '1763684558000000000',
      severityNumber: 17,
      severityText: 'ERR',
      eventName: 'payment.failed',
      body: { stringValue: 'Payment failed' },
      attributes: [attribute('amount', { doubleValue: 1.5 })],
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      droppedAttributesCount: 1,
    });
    expect(item).toEqual({
      id: item?.id,
      kind: 'log',
      name: 'payment.failed',
      time: '2025-11-21T00:22:37.123456Z',
      severity: 'error',
      summary: 'Payment failed',
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      attributes: { amount: 1.5, 'livespan.dropped_attributes': 1 },
    });
  });

  it('has the observed time, then the time of arrival, where it has none', async () => {
    expect((await log({ observedTimeUnixNano: '1763684558000000000' }))[0]?.time).toBe('2025-11-21T00:22:38.000000Z');
    expect((await log({}))[0]).toMatchObject({ name: 'log', severity: 'info', time: '2025-11-21T00:22:37.000001Z' });
  });

  it('has the severity of its number by bands of four, else of its text', async () => {
    const names: unknown[] = [];
    for (let number = 1; number <= 24; number++) names.push((await log({ severityNumber: number }))[0]?.severity);
    expect(names).toEqual(SEVERITIES.flatMap((name) => Array(4).fill(name) as string[]));
    expect((await log({ severityText: 'Warning' }))[0]?.severity).toBe('warn');
    expect((await log({ severityText: '__proto__' }))[0]?.severity).toBe('info');
    expect((await log({ severityNumber: 900 }))[0]?.severity).toBe('fatal');
  });

  it('keeps a body that is no text as attributes', async () => {
    const body = { kvlistValue: { values: [attribute('a', { intValue: 1 })] } };
    expect((await log({ body }))[0]?.attributes).toEqual({ 'body.a': 1 });
    expect((await log({ body: { intValue: '7' } }))[0]?.summary).toBe('7');
  });

  it('has trace ids only where they are valid', async () => {
    expect((await log({ traceId: TRACE_ID.slice(2), spanId: SPAN_ID }))[0]).not.toHaveProperty('traceId');
    const zero = (await log({ traceId: '0'.repeat(32), spanId: SPAN_ID }))[0];
    expect(zero).not.toHaveProperty('traceId');
    expect(zero).not.toHaveProperty('spanId');
  });
});

describe('what livespan has put on the feed itself', () => {
  const direct = { attributes: [{ key: 'livespan.direct', value: { boolValue: true } }] };
  const carried = [attribute('livespan.id', LIVE_ID), attribute('k', 'v')];

  it('is left out and counted: marked resources and spans, events and logs with an id', async () => {
    const { receive, jsons, counts } = receiver();
    const spans = [jsonSpan({ events: [{ name: 'e' }] })];
    await receive('traces', 'json', Buffer.from(jsonTraces(spans, direct)));
    await receive(
      'traces',
      'json',
      Buffer.from(jsonTraces([jsonSpan(direct), jsonSpan({ events: [{ name: 'x', attributes: carried }] })])),
    );
    await receive('logs', 'json', Buffer.from(jsonLogs([{ attributes: carried }, {}], direct)));
    expect(jsons.map((json) => (JSON.parse(json) as Activity).kind)).toEqual(['span.end', 'log']);
    expect(counts()).toMatchObject({ alreadyLive: 5, activities: 2 });
  });

  it('is kept by option, with the id it carries', async () => {
    const [event, end] = await map(
      'traces',
      jsonTraces([jsonSpan({ events: [{ name: 'x', attributes: carried }] })], direct),
      { keepLive: true },
    );
    expect(event).toMatchObject({ kind: 'event', id: LIVE_ID, attributes: { k: 'v' } });
    expect(end?.kind).toBe('span.end');
    expect((await log({ attributes: carried }, { keepLive: true }))[0]?.id).toBe(LIVE_ID);
    expect((await log({ attributes: [attribute('livespan.id', 'no id')] }, { keepLive: true }))[0]?.id).not.toBe(
      'no id',
    );
  });
});

describe('wrong types', () => {
  it.each<[string, 'traces' | 'logs', unknown]>([
    ['list for an object', 'traces', []],
    ['text for a list', 'traces', { resourceSpans: 'x' }],
    ['number for a name', 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 7 }] }] }] }],
    ['no hex', 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: 'xyz' }] }] }] }],
    ['enum by name', 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ kind: 'SPAN_KIND_SERVER' }] }] }] }],
    ['negative time', 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ endTimeUnixNano: -1 }] }] }] }],
    [
      'text for a boolean',
      'logs',
      { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { boolValue: 'true' } }] }] }] },
    ],
    [
      'fraction for an integer',
      'logs',
      { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { intValue: 1.5 } }] }] }] },
    ],
    ['no base64', 'logs', { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { bytesValue: '!' } }] }] }] }],
  ])('are bad data: %s', async (_, signal, body) => {
    const { receive, jsons } = receiver();
    expect(await receive(signal, 'json', Buffer.from(JSON.stringify(body)))).toMatchObject({ outcome: 'bad_data' });
    expect(jsons).toEqual([]);
  });

  it('values nested without end are bad data in both encodings', async () => {
    let value: object = { stringValue: 'x' };
    for (let depth = 0; depth < 40; depth++) value = { arrayValue: { values: [value] } };
    const { receive } = receiver();
    const body = jsonLogs([{ body: value }]);
    expect((await receive('logs', 'json', Buffer.from(body))).outcome).toBe('bad_data');
    const bytes = encodeMessage('LogsRequest', JSON.parse(body) as object);
    expect((await receive('logs', 'protobuf', bytes)).outcome).toBe('bad_data');
  });
});

describe('metrics', () => {
  const points = [{ asDouble: 1.5, attributes: [{ key: 'k', value: { stringValue: 'v' } }] }, { asInt: '2' }];
  const metrics = [{ name: 'requests', unit: '1', sum: { dataPoints: points, isMonotonic: true } }];
  const message = {
    resourceMetrics: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'gateway' } }] },
        scopeMetrics: [{ metrics }],
      },
    ],
  };

  it.each(['protobuf', 'json'] as const)('go to the hook, whose answer is the sender\u2019s, %s', async (encoding) => {
    const bytes = encoding === 'json' ? Buffer.from(JSON.stringify(message)) : encodeMessage('MetricsRequest', message);
    const seen: unknown[] = [];
    let answer: Awaited<ReturnType<MetricsHook>> = { rejected: 0 };
    const { receive, counts } = receiver({
      onMetrics: async (given) => {
        seen.push(...given);
        return answer;
      },
    });
    expect(await receive('metrics', encoding, bytes)).toEqual({ outcome: 'accepted', rejected: 0 });
    expect(seen).toEqual([
      {
        source: { resource: { 'service.name': 'gateway' }, scope: '' },
        record: expect.objectContaining({
          name: 'requests',
          type: 'sum',
          monotonic: true,
          points: [
            expect.objectContaining({ value: 1.5, attributes: { k: 'v' } }),
            expect.objectContaining({ value: 2, attributes: {} }),
          ],
        }) as object,
      },
    ]);
    answer = { rejected: 1, message: 'a point without a time' };
    expect(await receive('metrics', encoding, bytes)).toEqual({ outcome: 'accepted', ...answer });
    expect(counts()).toMatchObject({ requests: 2, metricPoints: 4, rejected: 1 });
  });
});
