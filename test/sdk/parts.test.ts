import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { decodeActivity } from '../../src/activity/codec.ts';
import { createId } from '../../src/sdk/activity-id.ts';
import { createBackoff } from '../../src/sdk/backoff.ts';
import { fromHrTime, nowUs, reanchor, toHrTime } from '../../src/sdk/clock.ts';
import { readAnswer } from '../../src/sdk/http-answer.ts';
import { serviceFromEnvironment } from '../../src/sdk/instance.ts';
import type { PendingRecord } from '../../src/sdk/pending-activity.ts';
import { encodePending } from '../../src/sdk/pending-encoder.ts';
import { PendingRing } from '../../src/sdk/pending-ring.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('ids', () => {
  test('are UUIDv7 of their time, unique and ascending, also when the clock stands still or goes back', () => {
    const now = Date.now() + 3_600_000;
    const times = [...Array<number>(20_000).fill(now), now - 5_000, now + 1, now + 60_000];
    const ids = times.map((time) => createId(time));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort());
    const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(ids.filter((id) => !uuidV7.test(id))).toEqual([]);
    expect(Number.parseInt((ids.at(-1) ?? '').replaceAll('-', '').slice(0, 12), 16)).toBe(now + 60_000);
  });
});

describe('the encoder', () => {
  test('leaves out ids that nobody could read, whatever generator made them, and looks at each anew', () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const spanId = '00f067aa0ba902b7';
    const encode = (ids: { traceId: string; spanId: string }): Activity => {
      const pending: PendingRecord = {
        id: createId(Date.now()),
        kind: 'span.start',
        name: 'a',
        timeUs: nowUs(),
        severity: 'info',
        attributes: {},
        sizeBytes: 10,
        ...ids,
      };
      const decoded = decodeActivity(encodePending(pending, { service: undefined, instance: 'i' }));
      if (!decoded.ok) throw new Error(decoded.reason);
      return decoded.activity;
    };
    expect(encode({ traceId, spanId })).toMatchObject({ traceId, spanId });
    const shouted = encode({ traceId: traceId.toUpperCase(), spanId: 'not-hex-at-all!!' });
    expect(shouted).not.toHaveProperty('traceId');
    expect(shouted).not.toHaveProperty('spanId');
    expect(encode({ traceId, spanId: '0'.repeat(16) })).toMatchObject({ traceId });
    expect(encode({ traceId, spanId })).toMatchObject({ traceId, spanId });
  });
});

describe('the clock', () => {
  test('gives whole microseconds near the wall clock, and follows it when it is set', () => {
    expect(Number.isInteger(nowUs())).toBe(true);
    expect(Math.abs(nowUs() / 1_000 - Date.now())).toBeLessThan(1_000);
    const real = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => real() + 3_600_000);
    const beforeUs = nowUs();
    expect(Math.abs(beforeUs / 1_000 - real())).toBeLessThan(10_000);
    reanchor();
    expect(Math.abs(nowUs() / 1_000 - real() - 3_600_000)).toBeLessThan(10_000);
    vi.restoreAllMocks();
    reanchor();
    expect(Math.abs(nowUs() / 1_000 - Date.now())).toBeLessThan(10_000);
  });

  test('converts to and from HrTime without loss', () => {
    expect(toHrTime(1_763_684_557_123_456)).toEqual([1_763_684_557, 123_456_000]);
    expect(fromHrTime([1_763_684_557, 123_456_000])).toBe(1_763_684_557_123_456);
    expect(fromHrTime([1, 1])).toBe(1_000_001);
  });
});

describe('the ring', () => {
  const record = (n: number, sizeBytes = 10): PendingRecord => ({
    id: String(n),
    kind: 'event',
    name: 'a',
    timeUs: n,
    severity: 'info',
    attributes: {},
    sizeBytes,
  });

  test('keeps its order while it grows and turns', () => {
    const ring = new PendingRing({ countMax: 1_000, bytesMax: 1e9 });
    let next = 0;
    for (let round = 0; round < 50; round += 1) {
      for (let index = 0; index < 37 + round; index += 1) ring.push(record(next++));
      for (let index = 0; index < 30; index += 1) {
        const first = ring.firstSequence;
        expect(ring.shift()?.id).toBe(String(first));
      }
    }
    expect(ring.nextSequence).toBe(next);
    expect(ring.count).toBeLessThanOrEqual(1_000);
  });

  test('counts what is in flight against its bounds, and gives up what is too large for it', () => {
    const ring = new PendingRing({ countMax: 10, bytesMax: 1_000 });
    ring.heldCount = 8;
    expect([0, 1, 2, 3].map((n) => ring.push(record(n)))).toEqual([0, 0, 1, 1]);
    expect(ring.shift()?.id).toBe('2');
    expect(ring.push(record(4, 5_000))).toBe(2);
    expect(ring.count).toBe(0);
    ring.push(record(5));
    expect(ring.clear()).toBe(1);
    expect(ring.shift()).toBeUndefined();
  });
});

test('the back-off doubles to its limit, with half of it left to chance', async () => {
  vi.useFakeTimers();
  const delays: number[] = [];
  const backoff = createBackoff({ minMs: 100, maxMs: 1_000, random: () => 1 });
  for (let index = 0; index < 6; index += 1) {
    const startMs = Date.now();
    await new Promise<void>((resolve) => {
      backoff.wait(0, resolve);
      vi.runAllTimers();
    });
    delays.push(Date.now() - startMs);
  }
  expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  vi.useRealTimers();
});

test.each<[number, string, string, object]>([
  [200, '{"accepted":1,"rejected":[],"first":"5-1","last":"5-1"}', '', { outcome: 'appended', first: { ms: 5, n: 1 } }],
  [200, '{"accepted":1,"rejected":[],"duplicate":true}', '', { outcome: 'duplicate' }],
  [200, '<html>', '', { outcome: 'failed', error: { code: 'log_refused' } }],
  [409, '{"code":"out_of_order","last":7}', '', { outcome: 'out_of_order', last: 7 }],
  [400, '{"code":"invalid_activity"}', '', { outcome: 'failed', applied: 'no', error: { code: 'invalid_activity' } }],
  [400, 'Bad Request', '', { outcome: 'failed', error: { code: 'log_refused' } }],
  [401, '{}', '', { outcome: 'failed', error: { code: 'unauthenticated' } }],
  [413, '', '', { outcome: 'failed', applied: 'no', error: { code: 'payload_too_large' } }],
  [503, '{}', '3', { outcome: 'failed', applied: 'unknown', error: { details: { retryAfterMs: 3_000 } } }],
  [502, 'null', '999999', { outcome: 'failed', error: { code: 'log_unavailable', details: { retryAfterMs: 30_000 } } }],
])('an answer %d %s means', (status, text, retryAfter, expected) => {
  expect(readAnswer(status, text, retryAfter, 'server')).toMatchObject(expected);
});

test('the service name comes from where OpenTelemetry puts it', () => {
  expect(serviceFromEnvironment({ OTEL_SERVICE_NAME: 'a', OTEL_RESOURCE_ATTRIBUTES: 'service.name=b' })).toBe('a');
  expect(serviceFromEnvironment({ OTEL_RESOURCE_ATTRIBUTES: 'x=1, service.name=my%20app' })).toBe('my app');
  expect(serviceFromEnvironment({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=%zz' })).toBe('%zz');
  expect(serviceFromEnvironment({})).toBeUndefined();
});
