import type { Alternative, Term } from '../../activity/filter-terms.ts';
import { formatCount } from './figures.ts';
import type { LatencyHistogram } from './model.ts';
import { quantile } from './rates.ts';

/** Neighbouring classes, by their places, both included. */
export interface ClassRange {
  readonly first: number;
  readonly last: number;
}

/** A quantile, and where it lies: `at` is 2.5 in the middle of the third class. */
export interface Mark {
  readonly name: 'p50' | 'p95' | 'p99';
  readonly ms: number;
  readonly at: number;
}

type Bounds = LatencyHistogram['bounds'];

/** Below so many spans, the slowest hundredth of them is no span at all. */
const P99_FROM_SPANS = 100;

export function rangeOf(a: number, b: number): ClassRange {
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

export function isWithin(range: ClassRange | undefined, index: number): boolean {
  return range !== undefined && range.first <= index && index <= range.last;
}

/** `50 ms`, `2 s`: bounds are whole. */
export function formatBound(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

/** `under 1 ms`, `20 to 50 ms`, `500 ms to 1 s`, `60 s and more`, `any length`. */
export function wordsOfRange(bounds: Bounds, { first, last }: ClassRange): string {
  const lower = bounds[first - 1];
  const upper = bounds[last];
  if (upper === undefined) return lower === undefined ? 'any length' : `${formatBound(lower)} and more`;
  if (lower === undefined) return `under ${formatBound(upper)}`;
  const [value, unit] = formatBound(lower).split(' ');
  return `${formatBound(upper).endsWith(` ${unit}`) ? value : formatBound(lower)} to ${formatBound(upper)}`;
}

/** `12 spans, 20 to 50 ms` */
export function countOfRange({ bounds, counts }: LatencyHistogram, range: ClassRange): string {
  const count = totalOf(counts.slice(range.first, range.last + 1));
  return `${formatCount(count, 'span')}, ${wordsOfRange(bounds, range)}`;
}

export function totalOf(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The values of `duration:` that let through exactly these classes. */
export function valuesOfRange(bounds: Bounds, { first, last }: ClassRange): string[] {
  const upper = bounds[last];
  return [`>=${bounds[first - 1] ?? 0}ms`, ...(upper === undefined ? [] : [`<${upper}ms`])];
}

/**
 * The classes that a filter lets through, also those of which it lets through a part. `undefined` where it says nothing
 * of durations, nothing that is one range, or nothing that can be.
 */
export function rangeOfTerms(bounds: Bounds, terms: readonly Term[]): ClassRange | undefined {
  const said = terms.filter(
    ({ negated, target }) => !negated && target.type === 'field' && target.field === 'duration',
  );
  if (said.length === 0) return undefined;
  let first = 0;
  let last = bounds.length;
  for (const { alternatives } of said) {
    const [one, other] = alternatives;
    if (one?.type !== 'compare' || other !== undefined) return undefined;
    const range = rangeOfComparison(bounds, one);
    first = Math.max(first, range.first);
    last = Math.min(last, range.last);
  }
  return first <= last ? { first, last } : undefined;
}

function rangeOfComparison(bounds: Bounds, { operator, value }: Extract<Alternative, { type: 'compare' }>): ClassRange {
  const at = (isIn: (bound: number) => boolean): number => {
    const index = bounds.findIndex(isIn);
    return index < 0 ? bounds.length : index;
  };
  const own = at((bound) => value < bound);
  if (operator === '=') return { first: own, last: own };
  if (operator === '>' || operator === '>=') return { first: own, last: bounds.length };
  return { first: 0, last: operator === '<' ? at((bound) => value <= bound) : own };
}

/** The quantiles that so many spans tell of. */
export function marksOf(histogram: LatencyHistogram): Mark[] {
  const shares = [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const;
  const isEnough = totalOf(histogram.counts) >= P99_FROM_SPANS;
  return shares.flatMap(([name, share]) => {
    const ms = name === 'p99' && !isEnough ? undefined : quantile(histogram, share);
    return ms === undefined ? [] : [{ name, ms, at: placeOf(histogram.bounds, ms) }];
  });
}

function placeOf(bounds: Bounds, ms: number): number {
  const index = bounds.findIndex((bound) => ms <= bound);
  const upper = bounds[index];
  if (upper === undefined) return bounds.length;
  const lower = bounds[index - 1] ?? 0;
  return index + (ms - lower) / (upper - lower);
}
