import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { formatCursor } from '../../src/activity/cursor.ts';
import type { Ring, RingSlot } from '../../src/feed/ring.ts';
import { createTraceIndex } from '../../src/server/trace-index.ts';
import { type TraceView, viewTrace } from '../../src/server/trace-view.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { getJson, post, problem, request, serve } from './http.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = (number: number) => number.toString(16).padStart(16, '0');
const at = (second: number) => `2026-11-21T00:00:${String(second).padStart(2, '0')}.000000Z`;

let serial = 0;
function logged(activity: Partial<Activity>): { cursor: string; activity: Activity } {
  serial += 1;
  const base = { id: 'x', kind: 'event', name: 'n', time: at(0), severity: 'info', attributes: {} } as const;
  return { cursor: formatCursor({ ms: 1_000, n: serial }), activity: { ...base, ...activity } };
}
const started = (span: number, second: number, more: Partial<Activity> = {}) =>
  logged({ kind: 'span.start', traceId: TRACE, spanId: spanId(span), time: at(second), ...more });
const ended = (span: number, second: number, more: Partial<Activity> = {}) =>
  logged({ kind: 'span.end', traceId: TRACE, spanId: spanId(span), time: at(second), ...more });
const notice = (name: string, instance: string, second: number) =>
  logged({ kind: 'notice', name, instance, time: at(second) });
const states = (view: TraceView) =>
  view.spans.map((span) => ('placeholder' in span ? 'placeholder' : `${span.state}${span.live ? '' : ' (not live)'}`));

describe('the view of a trace', () => {
  it('shows spans as running, ended well, failed, and those never seen running as not live', () => {
    const activities = [
      started(1, 1, { attributes: { a: 1 } }),
      started(2, 2, { parentSpanId: spanId(1) }),
      started(3, 3, { parentSpanId: spanId(1) }),
      ended(2, 4, { status: 'ok', durationMs: 2_000, parentSpanId: spanId(1), attributes: { b: 2 } }),
      ended(3, 5, { status: 'error', statusMessage: 'no', durationMs: 2_000, parentSpanId: spanId(1) }),
      ended(4, 5, { status: 'unset', durationMs: 4_500, parentSpanId: spanId(9) }),
      logged({ traceId: TRACE, spanId: spanId(1), name: 'an.event' }),
    ];
    const view = viewTrace(TRACE, activities, [], true);
    expect(states(view)).toEqual(['placeholder', 'ok (not live)', 'running', 'ok', 'error']);
    expect(view.spans[0]).toEqual({ spanId: spanId(9), placeholder: true });
    expect(view.spans[1]).toMatchObject({ spanId: spanId(4), time: '2026-11-21T00:00:00.500000Z', durationMs: 4_500 });
    expect(view.spans[3]).toMatchObject({ time: at(2), durationMs: 2_000, attributes: { b: 2 } });
    expect(view.events.map(({ name, cursor }) => [name, cursor])).toEqual([['an.event', activities[6]?.cursor]]);
  });

  it('marks running spans of an instance that is gone as lost, until it comes back', () => {
    const spans = [
      started(1, 1, { instance: 'a' }),
      started(2, 2, { instance: 'b' }),
      started(3, 9, { instance: 'a' }),
      started(4, 1, { instance: 'c' }),
      started(5, 1, { instance: 'a' }),
      ended(5, 2, { instance: 'a', status: 'ok' }),
    ];
    const byId = (notices: ReturnType<typeof notice>[]) =>
      Object.fromEntries(
        viewTrace(TRACE, spans, notices, true).spans.map((span) => [Number.parseInt(span.spanId, 16), span]),
      );
    const lost = byId([notice('livespan.instance_lost', 'a', 5), notice('livespan.instance_stopped', 'c', 5)]);
    expect([1, 2, 3, 4, 5].map((id) => lost[id])).toMatchObject([
      { state: 'lost' },
      { state: 'running' },
      { state: 'running' },
      { state: 'lost' },
      { state: 'ok' },
    ]);
    const back = byId([notice('livespan.instance_lost', 'a', 5), notice('livespan.instance_back', 'a', 6)]);
    expect(back[1]).toMatchObject({ state: 'running' });
  });

  it('takes a start that arrives after its end as one that was live', () => {
    const view = viewTrace(TRACE, [ended(1, 5, { status: 'ok' }), started(1, 1)], [], true);
    expect(states(view)).toEqual(['ok']);
  });
});

describe('the index over the ring', () => {
  it('follows the ring and forgets with it', () => {
    const slots: RingSlot[] = [];
    let tail = 0;
    const ring: Ring = {
      bytes: 0,
      get tail() {
        return tail;
      },
      get head() {
        return slots.length;
      },
      at: (sequence) => (sequence >= tail ? slots[sequence] : undefined),
    };
    const push = (more: Partial<Activity>) => {
      const { cursor, activity } = logged(more);
      slots.push({
        type: 'activity',
        position: { ms: 1, n: slots.length + 1 },
        cursor,
        json: '{}',
        activity,
        bytes: 1,
      });
    };
    const index = createTraceIndex(ring);
    const places = (traceId: string) => index.find(traceId).activities.map(({ position }) => position.n);
    expect(places('a')).toEqual([]);
    for (const traceId of ['a', 'b', 'a']) push({ traceId });
    slots.push({ type: 'gap', position: { ms: 1, n: 4 }, cursor: '1-4', missed: 1 });
    push({ traceId: 'b' });
    push({ kind: 'notice', name: 'livespan.instance_lost', instance: 'i' });
    expect([places('a'), places('b'), index.find('c').notices.length]).toEqual([[1, 3], [2, 5], 1]);
    tail = 2;
    push({ traceId: 'a' });
    expect([places('a'), places('b')]).toEqual([[3, 7], [5]]);
    tail = 6;
    expect([places('a'), places('b'), index.find('a').notices.length]).toEqual([[7], [], 0]);
    for (let count = 0; count < 100; count++) push({ traceId: 'z' });
    tail = 90;
    expect([places('a').length, places('z').length]).toEqual([0, slots.length - 90]);
  });
});

describe.each(['memory', 'redis'])('GET /traces over %s', (kind) => {
  let redis: RedisServer;
  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
  });
  afterAll(async () => {
    if (kind === 'redis') await redis.stop();
  });
  const start = (options = {}) => serve({ url: kind === 'memory' ? 'memory:' : redis.url, ...options });

  it('shows a span while it runs, and in its end what came of it', async () => {
    const { url } = await start();
    const traceId = randomBytes(16).toString('hex');
    const span = { name: 'GET /', traceId, spanId: spanId(1), instance: 'i:1' };
    await post(url, {
      activities: [
        { ...span, kind: 'span.start' },
        { name: 'seen', traceId, spanId: spanId(1) },
      ],
    });
    const running = await getJson<TraceView>(`${url}/traces/${traceId.toUpperCase()}`);
    expect(running).toMatchObject({
      traceId,
      complete: true,
      spans: [{ state: 'running', live: true }],
      events: [{ name: 'seen' }],
    });
    await post(url, { activities: [{ name: 'livespan.instance_lost', kind: 'notice', instance: 'i:1' }] });
    expect((await getJson<TraceView>(`${url}/traces/${traceId}`)).spans).toMatchObject([{ state: 'lost' }]);
    await post(url, { activities: [{ ...span, kind: 'span.end', status: 'ok', durationMs: 5 }] });
    expect((await getJson<TraceView>(`${url}/traces/${traceId}`)).spans).toMatchObject([
      { state: 'ok', live: true, durationMs: 5 },
    ]);
  });

  it('finds in the log what the ring no longer holds', async () => {
    const { url } = await start({ ringCountMax: 128 });
    const traceId = randomBytes(16).toString('hex');
    await post(url, { activities: [{ name: 'root', kind: 'span.start', traceId, spanId: spanId(1) }] });
    await post(url, { activities: Array.from({ length: 600 }, () => ({ name: 'other' })) });
    await post(url, { activities: [{ name: 'late', traceId, spanId: spanId(1) }] });
    const view = await getJson<TraceView>(`${url}/traces/${traceId}`);
    expect(view).toMatchObject({
      complete: true,
      spans: [{ name: 'root', state: 'running' }],
      events: [{ name: 'late' }],
    });
    const unknown = await request(url, `GET /traces/${TRACE}`);
    expect([unknown.status, problem(unknown)]).toMatchObject([404, { complete: true }]);
  });
});
