import { SEVERITIES } from '../../activity/activity.ts';
import type { Alternative, Operator, Term } from '../../activity/filter-terms.ts';

/** As much of a span's start, and of the ends it may come to, as a filter may tell apart. */
const START: Telling = { kind: 'span.start', severity: 'info' };
const ENDS: readonly Telling[] = [
  { kind: 'span.end', severity: 'info', status: 'ok', duration: 0 },
  { kind: 'span.end', severity: 'error', status: 'error', duration: Number.MAX_VALUE },
];
/** By the conventions, these are known when a span starts, and stay. */
const KNOWN_AT_START = /^(url|server|client|user_agent|http\.request)\./;

type Telling = Partial<Record<string, string | number>>;

/**
 * Whether the filter may show the start of a span and hide its end: then nothing is known of the span after its start.
 * What is the same in both (service, name, ids) hides none.
 */
export function hidesEnds(terms: readonly Term[]): boolean {
  return terms.every(mayPassStart) && terms.some(mayHideEnd);
}

function mayPassStart(term: Term): boolean {
  return !isTold(term) || passes(term, START);
}

function mayHideEnd(term: Term): boolean {
  const { target, negated } = term;
  if (target.type === 'text') return negated;
  if (target.type === 'attribute') return negated && !KNOWN_AT_START.test(target.key);
  // An id is that of one activity.
  if (target.field === 'id') return !negated;
  return isTold(term) && ENDS.some((end) => !passes(term, end));
}

/** The end tells it, and the start not or otherwise. */
function isTold({ target }: Term): boolean {
  return target.type === 'field' && /^(kind|severity|status|duration)$/.test(target.field);
}

function passes({ target, negated, alternatives }: Term, telling: Telling): boolean {
  const value = target.type === 'field' ? telling[target.field] : undefined;
  return (value !== undefined && alternatives.some((alternative) => holds(alternative, value))) !== negated;
}

function holds(alternative: Alternative, value: string | number): boolean {
  if (alternative.type === 'exact') return alternative.text === value;
  if (alternative.type === 'glob') {
    const parts = alternative.pattern.split('*').map((part) => part.replace(/\W/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`).test(String(value));
  }
  const rank = typeof value === 'number' ? value : (SEVERITIES as readonly string[]).indexOf(value);
  return COMPARE[alternative.operator](rank, alternative.value);
}

const COMPARE: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};
