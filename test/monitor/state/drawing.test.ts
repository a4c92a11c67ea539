import { describe, expect, it } from 'vitest';
import { DrawPace } from '../../../src/monitor/draw-pace.ts';
import { countWithoutLine, type Line, linesOf, stepInRows } from '../../../src/monitor/state/row-lines.ts';
import { end, frame, spanId, start, storeAtTime, TRACE } from '../frames.ts';

const FRAME_MS = 16;

/** Share of ten seconds that went into drawings that take so long each, and how many there were. */
function draw(tookMs: (drawing: number) => number, newsEveryMs: number): { share: number; drawings: number } {
  const pace = new DrawPace();
  let drawnMs = 0;
  let drawings = 0;
  let newsMs = 0;
  for (let nowMs = 0; nowMs < 10_000; nowMs += FRAME_MS) {
    if (!pace.isDue(nowMs) || nowMs < newsMs) continue;
    newsMs = nowMs + newsEveryMs;
    pace.drawn(tookMs(drawings));
    drawnMs += tookMs(drawings);
    drawings += 1;
  }
  return { share: drawnMs / 10_000, drawings };
}

describe('the pace of drawing', () => {
  it('holds nothing back that is cheap', () => {
    expect(draw(() => 3, 0).drawings).toBe(625);
  });

  it('leaves most of the time to others, however dear a drawing is', () => {
    for (const tookMs of [8, 15, 30, 50]) expect(draw(() => tookMs, 0).share, `${tookMs} ms`).toBeLessThan(0.27);
  });

  it('shows what comes now and then in the next frame, also where a drawing is dear', () => {
    expect(draw(() => 20, 100).drawings).toBeGreaterThan(85);
  });

  it('goes on soon after a drawing that took very long', () => {
    const pace = new DrawPace();
    pace.isDue(0);
    pace.drawn(5_000);
    expect(pace.isDue(100)).toBe(false);
    expect(pace.isDue(300)).toBe(true);
  });
});

const wordOf = (line: Line): string => {
  if ('now' in line) return 'now';
  const name = line.row.type === 'span' ? line.row.name : line.row.type;
  return line.nested === undefined ? name : `${name}/${line.nested}`;
};

describe('the lines of the list', () => {
  function someRows() {
    const { store, apply } = storeAtTime();
    const inA = { traceId: TRACE, spanId: spanId(1) };
    apply(start(1, 0, { name: 'a' }), ...[1, 2, 3].map((ms) => frame('event', ms, { name: 'x', ...inA })));
    apply(start(2, 4, { name: 'b' }), start(3, 5, { name: 'c' }));
    apply(end(2, 6, 2, { name: 'b' }), end(3, 7, 2, { name: 'c', status: 'error', severity: 'error' }));
    return store.rows.value;
  }

  it('are the rows, the newest two entries of those that run or failed, and the mark of now', () => {
    const { count, lines } = linesOf(someRows(), 0, 100);
    expect(lines.map(wordOf)).toEqual(['a', 'a/1', 'a/2', 'now', 'c', 'b']);
    expect(count).toBe(6);
  });

  it('are counted in full, and made for what is in sight only', () => {
    const all = linesOf(someRows(), 0, 100).lines.map(wordOf);
    for (let first = 0; first < 8; first += 1) {
      for (let last = first; last < 8; last += 1) {
        const { count, lines } = linesOf(someRows(), first, last);
        expect({ count, words: lines.map(wordOf) }).toEqual({ count: 6, words: all.slice(first, last) });
      }
    }
  });

  it('are counted roughly on demand: as rows below those in sight, and exactly where all are in sight', () => {
    const rows = someRows();
    for (let last = 0; last < 8; last += 1) {
      const exact = linesOf(rows, 0, last);
      const rough = linesOf(rows, 0, last, true);
      expect(rough.lines).toEqual(exact.lines);
      expect(rough.count).toBeGreaterThanOrEqual(Math.min(exact.count, last));
      expect(rough.count).toBeLessThanOrEqual(exact.count);
    }
    const { store, apply } = storeAtTime();
    for (let i = 1; i <= 10; i += 1) {
      apply(
        frame('event', i, { traceId: TRACE, spanId: spanId(i), severity: 'error' }),
        end(i, i, 1, { status: 'error' }),
      );
    }
    expect(linesOf(store.rows.value, 0, 4).count).toBe(20);
    expect(linesOf(store.rows.value, 0, 4, true).count).toBe(12);
  });

  it('are walked by row, from the first one where the last is gone', () => {
    const rows = someRows();
    const [a, c, b] = [...rows].map(({ key }) => key);
    expect(stepInRows(rows, undefined, 1)).toEqual({ key: a, line: 0 });
    expect(stepInRows(rows, 'gone', -1)).toEqual({ key: a, line: 0 });
    expect(stepInRows(rows, a, 1)).toEqual({ key: c, line: 4 });
    expect(stepInRows(rows, b, 1)).toEqual({ key: b, line: 5 });
    expect(stepInRows(rows, b, -1)).toEqual({ key: c, line: 4 });
  });
});

describe('what is held back', () => {
  it('is applied at once and shown with what comes later', () => {
    const { store } = storeAtTime();
    expect(store.rows.value.count).toBe(0);
    store.enqueue([start(1, 0)]);
    expect(store.flush(1_000, true)).toBe(0);
    expect([store.rows.value.count, store.isStale]).toEqual([0, true]);
    store.flush(1_000);
    expect([store.rows.value.count, store.isStale]).toEqual([1, false]);
  });
});

describe('the events of a row', () => {
  it('have a line each or are counted', () => {
    const { store, apply } = storeAtTime();
    const withEvents = (number: number, count: number) =>
      Array.from({ length: count }, (_, i) => frame('event', 1 + i, { traceId: TRACE, spanId: spanId(number) }));
    const rowOf = (number: number) => {
      const row = store.span(TRACE, spanId(number));
      if (row === undefined) throw new Error('no row');
      return row;
    };
    const linesOfRow = (number: number) => {
      const { lines } = linesOf(store.rows.value, 0, 1_000);
      return lines.filter((line) => 'row' in line && line.row === rowOf(number) && line.nested !== undefined).length;
    };
    apply(start(1, 0), ...withEvents(1, 100), start(2, 0), ...withEvents(2, 2), end(2, 5, 5));
    apply(start(3, 0), ...withEvents(3, 1), start(4, 0));
    const counted = [1, 2, 3, 4].map((number) => [linesOfRow(number), countWithoutLine(rowOf(number))]);
    expect(counted).toEqual([
      [2, 98],
      [0, 2],
      [1, 0],
      [0, 0],
    ]);
  });
});
