import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSince } from '../../src/activity/since.ts';
import { formatTimeUs, parseTimeUs } from '../../src/activity/time.ts';
import { cases } from '../support/cases.ts';

describe('the time of an activity', () => {
  it('keeps its microseconds', () => {
    expect(formatTimeUs(Date.UTC(2026, 10, 21, 0, 22, 37) * 1_000 + 123_456)).toBe('2026-11-21T00:22:37.123456Z');
    expect(formatTimeUs(0)).toBe('1970-01-01T00:00:00.000000Z');
    fc.assert(
      fc.property(fc.maxSafeNat(), (us) => {
        expect(parseTimeUs(formatTimeUs(us))).toBe(us);
      }),
      cases(300),
    );
  });

  it('is the same text as that of Date, with three more digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
        expect(formatTimeUs(ms * 1_000)).toBe(new Date(ms).toISOString().replace('Z', '000Z'));
      }),
      cases(300),
    );
  });

  it('is clamped where a clock went mad, never thrown', () => {
    for (const us of [Number.NaN, -1, Number.NEGATIVE_INFINITY]) expect(formatTimeUs(us)).toBe(formatTimeUs(0));
    expect(formatTimeUs(Number.POSITIVE_INFINITY)).toMatch(/^2255-/);
    expect(formatTimeUs(1.9)).toBe('1970-01-01T00:00:00.000001Z');
  });

  it.each([
    '2026-11-21T00:22:37.123Z',
    '2026-11-21T00:22:37.1234567Z',
    '2026-02-30T00:00:00.000000Z',
    '2026-11-21T24:00:00.000000Z',
    '2026-13-01T00:00:00.000000Z',
    '2026-11-21 00:22:37.123456Z',
    '2026-11-21T00:22:37.123456',
    '2026-11-21T00:22:37.123456+00:00',
    '1969-12-31T23:59:59.999999Z',
    '9999-01-01T00:00:00.000000Z',
    '',
  ])('is refused when written %j', (text) => expect(parseTimeUs(text)).toBeUndefined());
});

describe('where to start', () => {
  const nowMs = Date.UTC(2026, 10, 21, 12);
  it.each([
    ['5m', { ms: nowMs - 300_000, n: 0 }],
    ['250ms', { ms: nowMs - 250, n: 0 }],
    ['2d', { ms: nowMs - 172_800_000, n: 0 }],
    ['99999999d', { ms: 0, n: 0 }],
    ['2026-11-21T00:22:37Z', { ms: Date.UTC(2026, 10, 21, 0, 22, 37), n: 0 }],
    ['2026-11-21T01:22:37.5+01:00', { ms: Date.UTC(2026, 10, 21, 0, 22, 37, 500), n: 0 }],
    ['2026-11-21', { ms: Date.UTC(2026, 10, 21), n: 0 }],
    ['1732147357123-42', { ms: 1_732_147_357_123, n: 42 }],
    ['0-0', { ms: 0, n: 0 }],
  ])('%s', (text, position) => expect(parseSince(text, nowMs)).toEqual({ ok: true, position }));

  it.each(['', '5', '5x', '-5m', 'yesterday', '2026-11-21T00:22:37', '2026-02-30', '2026-13-01', '1-', '1e3ms'])(
    'is refused when written %j, with what would do',
    (text) => {
      const since = parseSince(text, nowMs);
      expect(since.ok).toBe(false);
      expect(!since.ok && since.message).toMatch(/5m.*cursor/);
    },
  );
});
