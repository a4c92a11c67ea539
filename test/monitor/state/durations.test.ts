import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../../src/activity/filter-parser.ts';
import { compileFilter } from '../../../src/activity/filter-predicate.ts';
import type { Filter } from '../../../src/activity/filter-terms.ts';
import {
  countOfRange,
  isWithin,
  marksOf,
  rangeOf,
  rangeOfTerms,
  valuesOfRange,
  wordsOfRange,
} from '../../../src/monitor/state/duration-classes.ts';
import { RateMeter } from '../../../src/monitor/state/rates.ts';
import { activity, START_MS } from '../frames.ts';

const { bounds } = histogramOf();
const LAST = bounds.length;

function histogramOf(...durations: readonly number[]) {
  const meter = new RateMeter();
  for (const durationMs of durations) meter.addEnded(START_MS, false, durationMs);
  return meter.histogram(START_MS);
}

function filterOf(text: string): Filter {
  const parsed = parseFilter(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.filter;
}

function chosenBy(text: string) {
  return rangeOfTerms(bounds, filterOf(text).terms);
}

describe('classes of durations', () => {
  it('hold exactly the spans that their filter lets through, and are read back from it', () => {
    const durations = [0, 0.4, ...bounds.flatMap((bound) => [bound - 0.01, bound, bound + 0.01]), 1e7];
    const classOf = (durationMs: number): number => histogramOf(durationMs).counts.indexOf(1);
    for (let first = 0; first <= LAST; first += 1) {
      for (let last = first; last <= LAST; last += 1) {
        const range = rangeOf(last, first);
        expect(range).toEqual({ first, last });
        const text = valuesOfRange(bounds, range)
          .map((value) => `duration:${value}`)
          .join(' ');
        expect(chosenBy(text)).toEqual(range);
        const passes = compileFilter(filterOf(text));
        const passed = durations.filter((durationMs) => passes(activity('span.end', 0, { durationMs })));
        expect(passed, text).toEqual(durations.filter((durationMs) => isWithin(range, classOf(durationMs))));
      }
    }
  });

  it.each([
    ['duration:>30ms', 5, LAST],
    ['duration:<=50ms', 0, 6],
    ['duration:50ms', 6, 6],
    ['duration:<30ms -duration:<3ms service:api', 0, 5],
    ['duration:>2m', LAST, LAST],
  ])('are those that a filter typed by hand reaches into: %s', (text, first, last) => {
    expect(chosenBy(text)).toEqual({ first, last });
  });

  it.each(['', 'service:api', '-duration:<3ms', 'duration:<2ms,>5s', 'duration:>1s duration:<1ms'])(
    'are none where a filter has no range: %s',
    (text) => {
      expect(chosenBy(text)).toBeUndefined();
    },
  );

  it('are said in words', () => {
    const words = (first: number, last: number): string => wordsOfRange(bounds, { first, last });
    expect([words(0, 0), words(0, 4), words(5, 5), words(8, 9), words(3, 12), words(LAST, LAST)]).toEqual([
      'under 1 ms',
      'under 20 ms',
      '20 to 50 ms',
      '200 ms to 1 s',
      '5 ms to 10 s',
      '60 s and more',
    ]);
    expect(words(2, LAST)).toBe('2 ms and more');
    expect(words(0, LAST)).toBe('any length');
    expect(countOfRange(histogramOf(21, 30, 300), { first: 5, last: 5 })).toBe('2 spans, 20 to 50 ms');
  });

  it('are marked with the quantiles that so many spans tell of', () => {
    expect(marksOf(histogramOf())).toEqual([]);
    expect(marksOf(histogramOf(30)).map(({ name }) => name)).toEqual(['p50', 'p95']);
    const marks = marksOf(histogramOf(...new Array<number>(98).fill(30), 70_000, 70_000));
    expect(marks.map(({ name }) => name)).toEqual(['p50', 'p95', 'p99']);
    expect(marks[0]?.ms).toBeCloseTo(20 + 30 * (50 / 98));
    expect(marks[0]?.at).toBeCloseTo(5 + 50 / 98);
    // The last class goes as far as the longest of it.
    const [, , last] = marks;
    expect(last?.at).toBe(LAST);
    expect(last?.ms).toBeGreaterThan(60_000);
    expect(last?.ms).toBeLessThanOrEqual(70_000);
    // As every other does: no quantile is above what was seen.
    for (const { ms } of marksOf(histogramOf(...new Array<number>(200).fill(510)))) expect(ms).toBeLessThanOrEqual(510);
  });
});
