import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BEGINNING,
  beforeFirst,
  compareCursors,
  comparePositions,
  formatCursor,
  isTimePosition,
  judge,
  parseCursor,
} from '../../src/activity/cursor.ts';
import { cases } from '../support/cases.ts';

const part = fc.maxSafeNat();
const position = fc.record({ ms: part, n: part });
const near = fc.record({ ms: fc.integer({ min: 5, max: 8 }), n: fc.integer({ min: 1, max: 5 }) });

describe('a cursor', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(position, (p) => {
        expect(parseCursor(formatCursor(p))).toEqual(p);
      }),
      cases(300),
    );
  });

  it.each([
    '',
    '1',
    '-1',
    '1-',
    '01-1',
    '1-01',
    '+1-1',
    '1-1 ',
    ' 1-1',
    '1-1-1',
    '1.5-1',
    '1e3-1',
    '9007199254740992-1',
    '1-9007199254740992',
    '-1-1',
    '１-1',
  ])('is refused when written %j', (text) => expect(parseCursor(text)).toBeUndefined());

  it('has a total order, that of Redis stream ids', () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        expect(Math.sign(comparePositions(a, b))).toBe(-Math.sign(comparePositions(b, a)) + 0);
        if (comparePositions(a, b) <= 0 && comparePositions(b, c) <= 0)
          expect(comparePositions(a, c)).toBeLessThanOrEqual(0);
        expect(comparePositions(a, a)).toBe(0);
        expect(comparePositions(BEGINNING, a)).toBeLessThanOrEqual(0);
      }),
      cases(300),
    );
    expect(comparePositions({ ms: 1, n: 9 }, { ms: 2, n: 1 })).toBeLessThan(0);
    expect(comparePositions({ ms: 2, n: 1 }, { ms: 2, n: 2 })).toBeLessThan(0);
  });

  it('stands before the first entry that is kept', () => {
    expect(formatCursor(beforeFirst({ ms: 7, n: 41 }))).toBe('7-40');
    expect(formatCursor(beforeFirst({ ms: 7, n: 1 }))).toBe('7-0');
  });
});

describe('judging the next entry', () => {
  const last = { ms: 100, n: 10 };
  it.each([
    [{ ms: 100, n: 11 }, { verdict: 'follows' }],
    [{ ms: 101, n: 11 }, { verdict: 'follows' }],
    [{ ms: 100, n: 10 }, { verdict: 'duplicate' }],
    [{ ms: 99, n: 10 }, { verdict: 'duplicate' }],
    [{ ms: 100, n: 3 }, { verdict: 'duplicate' }],
    [
      { ms: 100, n: 12 },
      { verdict: 'ahead', missed: 1 },
    ],
    [
      { ms: 500, n: 4_011 },
      { verdict: 'ahead', missed: 4_000 },
    ],
    [{ ms: 101, n: 10 }, { verdict: 'diverged' }],
    [{ ms: 101, n: 1 }, { verdict: 'diverged' }],
    [{ ms: 99, n: 11 }, { verdict: 'diverged' }],
  ])('after 100-10: %j', (next, verdict) => expect(judge(last, next)).toEqual(verdict));

  it('counts nothing from a time position', () => {
    expect(isTimePosition({ ms: 100, n: 0 })).toBe(true);
    expect(judge({ ms: 100, n: 0 }, { ms: 100, n: 77 })).toEqual({ verdict: 'follows' });
    expect(judge({ ms: 100, n: 0 }, { ms: 99, n: 77 })).toEqual({ verdict: 'duplicate' });
    expect(judge(BEGINNING, { ms: 5, n: 9_000 })).toEqual({ verdict: 'follows' });
  });

  it('agrees with the log: of entries in its order one follows, the rest were missed', () => {
    fc.assert(
      fc.property(near, near, (a, b) => {
        const { verdict } = judge(a, b);
        const later = b.ms >= a.ms && b.n > a.n;
        expect(verdict === 'follows' || verdict === 'ahead').toBe(later);
        expect(verdict === 'follows').toBe(later && b.n === a.n + 1);
        expect(verdict === 'duplicate').toBe(b.ms <= a.ms && b.n <= a.n);
      }),
      cases(300),
    );
  });
});

describe('cursors in log order', () => {
  it.each([
    ['5-9', '5-10', -1],
    ['6-1', '5-10', 1],
    ['5-10', '5-10', 0],
    ['', '5-10', 1],
    ['5-10', 'x', 1],
  ])('%j against %j', (a, b, sign) => {
    expect(Math.sign(compareCursors(a, b))).toBe(sign);
  });
});
