import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { findJsonFault } from '../../src/server/json-fault.ts';
import { cases } from '../support/cases.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { getJson, post, problem, serve } from './http.ts';

type Logged = Activity & { cursor: string };
interface Ingested {
  accepted: number;
  rejected: { index: number; code: string; message: string }[];
  duplicate?: true;
  first?: string;
  last?: string;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function all(url: string): Promise<Logged[]> {
  const items: Logged[] = [];
  let since = '0-0';
  while (true) {
    const page = await getJson<{ items: Logged[]; next?: string }>(
      `${url}/activity?order=asc&limit=1000&since=${since}`,
    );
    items.push(...page.items);
    if (page.next === undefined) return items;
    since = page.next;
  }
}

function events(count: number, name = 'test.event'): { name: string; attributes: { index: number } }[] {
  return Array.from({ length: count }, (_, index) => ({ name, attributes: { index } }));
}

describe.each(['memory', 'redis'])('POST /ingest into %s', (kind) => {
  const start = () => serve({ url: kind === 'memory' ? 'memory:' : redis.url });
  const send = async (url: string, body: unknown, status = 200): Promise<Ingested> => {
    const answer = await post(url, body);
    expect([answer.status, answer.body]).toEqual([status, answer.body]);
    return JSON.parse(answer.body) as Ingested;
  };

  it('keeps what an SDK sends as it is', async () => {
    const { url } = await start();
    const activity = {
      id: '01997b5e-3a6c-7c1e-b2a4-5d1f0a9e77c2',
      kind: 'span.end',
      name: 'GET /',
      time: '2026-11-21T00:22:37.123456Z',
      severity: 'error',
      summary: 'x',
      service: 'gateway',
      instance: 'gw:1-abcd',
      callId: 'call-1',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      parentSpanId: '10f067aa0ba902b7',
      sampled: false,
      spanKind: 'server',
      status: 'error',
      statusMessage: 'broken',
      durationMs: 1.5,
      scope: 'http',
      eventCount: 2,
      droppedEvents: 1,
      attributes: { 'http.route': '/', list: [1, 2], flag: true, password: 'secret', max_tokens: 7 },
    };
    const answer = await send(url, {
      activities: [activity],
      producer: 'p',
      batch: 1,
      acked: 0,
      instance: 'other',
      service: 'other',
    });
    expect(answer).toEqual({ accepted: 1, rejected: [], first: answer.first, last: answer.first });
    const { cursor, ...logged } = await getJson<Logged>(`${url}/activity/latest`);
    expect(logged).toEqual({ ...activity, attributes: { ...activity.attributes, password: '[redacted]' } });
    expect(cursor).toBe(answer.first);
  });

  it('fills in what a client by hand leaves out', async () => {
    const { url } = await start();
    const before = Date.now();
    await send(url, {
      service: 'by-hand',
      activities: [
        { name: 'a' },
        {
          name: 'b',
          severity: 'warn',
          callId: null,
          time: '2026-11-21T01:00:00+01:00',
          attributes: { a: { b: [1, 'x'] }, token: 'abc' },
        },
        { name: 'c', service: 'own', traceId: '4BF92F3577B34DA6A3CE929D0E0E4736', time: '2026-11-21T00:00:00.5Z' },
      ],
    });
    const [a, b, c] = await all(url);
    expect(a).toMatchObject({ kind: 'event', name: 'a', severity: 'info', service: 'by-hand', attributes: {} });
    expect(a?.id).toMatch(UUID_V7);
    expect(Date.parse(a?.time ?? '')).toBeGreaterThanOrEqual(before);
    expect(b).toMatchObject({
      severity: 'warn',
      time: '2026-11-21T00:00:00.000000Z',
      attributes: { 'a.b': '[1,"x"]', token: '[redacted]' },
    });
    expect(b).not.toHaveProperty('callId');
    expect(Number.parseInt((b?.id ?? '').replace('-', '').slice(0, 12), 16)).toBe(Date.parse('2026-11-21T00:00:00Z'));
    expect(c).toMatchObject({
      service: 'own',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      time: '2026-11-21T00:00:00.500000Z',
    });
  });

  it('names the bad ones and takes the others', async () => {
    const { url } = await start();
    const answer = await send(url, {
      activities: [
        { name: 'good' },
        { kind: 'event' },
        null,
        { name: 'x', severity: 'loud' },
        { name: 'x', time: 'yesterday' },
        { name: 'x', id: 'not-a-uuid' },
        { name: 'x', attributes: [] },
        { name: 'x', kind: 'event', summary: 'a'.repeat(1_100_000) },
        { name: 'good too' },
      ],
    });
    expect(answer.accepted).toBe(2);
    expect(answer.rejected.map(({ index, code }) => [index, code])).toEqual([
      [1, 'invalid_activity'],
      [2, 'invalid_activity'],
      [3, 'invalid_activity'],
      [4, 'invalid_activity'],
      [5, 'invalid_activity'],
      [6, 'invalid_activity'],
      [7, 'payload_too_large'],
    ]);
    expect(answer.rejected[0]?.message).toMatch(/^name: /);
    expect((await all(url)).map(({ name }) => name)).toEqual(['good', 'good too']);
    const { ingest } = await getJson<{ ingest: unknown }>(`${url}/stats`);
    expect(ingest).toMatchObject({ accepted: 2, rejected: { invalid_activity: 6, payload_too_large: 1 } });
  });

  it('applies a numbered batch once and in order', async () => {
    const { url } = await start();
    const batch = (number: number, acked: number, count = 3) => ({
      producer: 'p-1',
      batch: number,
      acked,
      activities: events(count, `batch.${number}`),
    });
    const first = await send(url, batch(1, 0));
    expect(await send(url, batch(1, 0))).toEqual({ ...first, duplicate: true });
    const refused = await post(url, batch(3, 1));
    expect([refused.status, problem(refused)]).toMatchObject([409, { code: 'out_of_order', last: 1 }]);
    await send(url, batch(2, 1));
    await send(url, batch(3, 2));
    expect((await all(url)).map(({ name }) => name)).toEqual([
      ...Array(3).fill('batch.1'),
      ...Array(3).fill('batch.2'),
      ...Array(3).fill('batch.3'),
    ]);
  });

  it('splits what is more than an append takes, and resends only what is missing', async () => {
    const { url } = await start();
    const body = { producer: 'large', batch: 1, acked: 0, activities: events(300) };
    const first = await send(url, body);
    expect(first).toMatchObject({ accepted: 300, rejected: [] });
    expect(await send(url, body)).toMatchObject({ accepted: 300, duplicate: true });
    await send(url, { ...body, batch: 2, acked: 1 });
    await send(url, { activities: events(130) });
    const indexes = (await all(url)).map(({ attributes }) => attributes.index);
    const order = (count: number) => Array.from({ length: count }, (_, index) => index);
    expect(indexes).toEqual([...order(300), ...order(300), ...order(130)]);
  });

  it('consumes the number of a batch whose activities are all bad', async () => {
    const { url } = await start();
    expect(await send(url, { producer: 'p', batch: 1, acked: 0, activities: [{}] })).toMatchObject({ accepted: 0 });
    expect(await send(url, { producer: 'p', batch: 2, acked: 1, activities: events(1) })).toMatchObject({
      accepted: 1,
    });
  });

  it('takes a bare sign of life', async () => {
    const { url } = await start();
    expect(await send(url, { instance: 'host:1-abcd', service: 's', sign: 'started', activities: [] })).toEqual({
      accepted: 0,
      rejected: [],
    });
    expect(await send(url, { instance: 'host:2-abcd' })).toEqual({ accepted: 0, rejected: [] });
    const { log } = await getJson<{ log: { instances: number } }>(`${url}/stats`);
    expect(log.instances).toBe(2);
    await send(url, { instance: 'host:1-abcd', sign: 'stopped', activities: [] });
    expect((await getJson<{ log: { instances: number } }>(`${url}/stats`)).log.instances).toBe(1);
  });

  it('takes NDJSON, line by line', async () => {
    const { url } = await start();
    const lines = '{"name":"one"}\n\n{"name":\n  {"name":"two","attributes":{"n":1}}  \r\n';
    const query = 'producer=curl&batch=1&acked=0&service=shell';
    const response = await fetch(`${url}/ingest?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson; charset=utf-8' },
      body: lines,
    });
    expect(await response.json()).toMatchObject({
      accepted: 2,
      rejected: [{ index: 1, code: 'invalid_activity', message: 'not valid JSON: line 1, column 9: expected value' }],
    });
    const again = await fetch(`${url}/ingest?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines,
    });
    expect(await again.json()).toMatchObject({ duplicate: true });
    expect((await all(url)).map(({ name, service }) => [name, service])).toEqual([
      ['one', 'shell'],
      ['two', 'shell'],
    ]);
  });

  it('refuses what is no batch, and says where', async () => {
    const { url } = await start();
    const cases: [body: unknown, detail: RegExp][] = [
      ['', /line 1, column 1: expected value/],
      ['{"activities":[{"name":"a"},]}', /line 1, column 29: expected value/],
      ['{"activities":[]\n,\n x}', /line 3, column 2: expected key/],
      ['[]', /must be a JSON object/],
      ['{}', /^activities: /],
      [{ activities: {} }, /^activities: /],
      [{ traces: [] }, /^traces: /],
      [{ activities: events(10_001) }, /^activities: more than 10000/],
      [{ activities: [], producer: 'p' }, /^batch: /],
      [{ activities: [], batch: 1 }, /^producer: /],
      [{ activities: [], producer: 'p', batch: 0 }, /^batch: /],
      [{ activities: [], producer: 'p', batch: '1' }, /^batch: /],
      [{ activities: [], producer: 'p', batch: 1, acked: 1 }, /^acked: /],
      [{ activities: [], producer: 'p q', batch: 1 }, /^producer: /],
      [{ activities: [], instance: 'x y' }, /^instance: /],
      [{ activities: [], instance: 'x', sign: 'sleeping' }, /^sign: /],
      [{ activities: [], sign: 'alive' }, /^instance: /],
      [{ activities: [], service: 7 }, /^service: /],
    ];
    for (const [body, detail] of cases) {
      const answer = await post(url, body);
      expect(problem(answer).detail).toMatch(detail);
      expect([400, 413]).toContain(answer.status);
    }
    expect(await all(url)).toEqual([]);
  });
});

describe('a text that is not JSON', () => {
  it('is located where JSON.parse gives up', () => {
    expect(findJsonFault('{"a":x}')).toEqual({ line: 1, column: 6, expected: 'value' });
    expect(findJsonFault('{"a":1 "b"}')).toEqual({ line: 1, column: 8, expected: ', or }' });
    expect(findJsonFault('{"a"\n 1}')).toEqual({ line: 2, column: 2, expected: ':' });
    expect(findJsonFault('[1]]')).toEqual({ line: 1, column: 4, expected: 'the end' });
    expect(findJsonFault('{,')).toEqual({ line: 1, column: 2, expected: 'key or }' });
    expect(findJsonFault('[01]')).toMatchObject({ column: 3, expected: ', or ]' });
    expect(findJsonFault('"\\x"')).toMatchObject({ column: 1 });
    expect(findJsonFault('"\u001f"')).toMatchObject({ column: 1, expected: 'value' });
    expect(findJsonFault('"\u007f\u0094\u2028\ud800" x')).toMatchObject({ column: 8, expected: 'the end' });
    expect(findJsonFault('['.repeat(200_000))).toMatchObject({ column: 200_001, expected: 'value or ]' });
    expect(findJsonFault('['.repeat(2_000_000))).toBeUndefined();
    expect(findJsonFault(`"${'a\\n'.repeat(1_000_000)}`)).toMatchObject({ column: 1 });
  });

  it('reads the whole of a text that is JSON', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), fc.constantFrom(0, 1, 2), (json, space) => {
        const text = JSON.stringify(JSON.parse(json), null, space);
        const fault = findJsonFault(text) ?? { line: 0, column: 0, expected: 'nothing' };
        expect(fault.expected).toBe('the end');
        expect(
          text
            .split('\n')
            .slice(0, fault.line - 1)
            .join('\n').length + fault.column,
        ).toBeGreaterThanOrEqual(text.length);
      }),
      cases(100),
    );
  });

  it('finds the fault of a cut or spoilt text', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('x', '}', ']', ',', ':', '"', ''), (json, place, spoiler) => {
        const at = place % (json.length + 1);
        const text = spoiler === '' ? json.slice(0, at) : json.slice(0, at) + spoiler + json.slice(at);
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const { column, expected } = findJsonFault(text) ?? { column: 0, expected: 'nothing' };
        expect(column > text.length && expected === 'the end').toBe(valid);
      }),
      cases(500),
    );
  });
});
