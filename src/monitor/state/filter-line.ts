import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { parseFilter } from '../../activity/filter-parser.ts';
import { printFilter } from '../../activity/filter-printer.ts';
import type { Filter, Term } from '../../activity/filter-terms.ts';
import { hidesEnds } from './hidden-ends.ts';
import type { FilterProblem } from './model.ts';

/** What "hide health checks" adds: probes by the name of their span or by their path. */
export const HIDE_HEALTH = '-name:*health*,*/ready*,*/livez* -@url.path:*/health*,*/ready*,*/livez*';

/** The filter line: what is being typed, what holds, and where it is wrong. */
export interface FilterLine {
  /** What stands in the line. */
  readonly draft: Signal<string>;
  /** What holds: in the URL and on the server. */
  readonly text: ReadonlySignal<string>;
  /** What holds, term by term. */
  readonly terms: ReadonlySignal<readonly Term[]>;
  /** Where the draft is wrong; `undefined` when it can be applied. */
  readonly problem: ReadonlySignal<FilterProblem | undefined>;
  /** What holds may show the start of a span and hide its end. */
  readonly hidesEnds: ReadonlySignal<boolean>;
  /** Applies the draft (or `text`). False where it is wrong: then nothing changes but the draft. */
  apply(text?: string): boolean;
  /** Whether a term stands in what holds, e.g. `severity:>=error`. Compared as the printer writes it. */
  has(term: string): boolean;
  /** Adds the term or takes it away, and applies. Other terms of the same field and sign are replaced when `only`. */
  toggle(term: string, options?: { only?: boolean }): void;
  /** Adds terms and takes away all earlier ones of their fields; for brushing: `setRange('duration', '>=100ms', '<500ms')`. */
  setRange(field: string, ...values: readonly string[]): void;
}

export function createFilterLine(): FilterLine {
  const draft = signal('');
  const text = signal('');
  const problem = computed(() => problemOf(draft.value));
  const line: FilterLine = {
    draft,
    text,
    terms: computed(() => termsOf(text.value)),
    problem,
    hidesEnds: computed(() => hidesEnds(termsOf(text.value))),
    apply(wanted = draft.peek()) {
      const tidy = wanted.trim();
      batch(() => {
        draft.value = tidy;
        if (problemOf(tidy) === undefined) text.value = tidy;
      });
      return problemOf(tidy) === undefined;
    },
    has(term) {
      const wanted = termsOf(term).map(printTerm);
      const held = line.terms.value.map(printTerm);
      return wanted.length > 0 && wanted.every((one) => held.includes(one));
    },
    toggle(term, { only = false } = {}) {
      const wanted = termsOf(term);
      const printed = wanted.map(printTerm);
      const isHeld = line.has(term);
      const kept = line.terms.peek().filter((held) => {
        if (printed.includes(printTerm(held))) return false;
        return !(only && wanted.some((one) => isSameTarget(one, held)));
      });
      line.apply(printFilter({ terms: isHeld ? kept : [...kept, ...wanted] }));
    },
    setRange(field, ...values) {
      const wanted = termsOf(values.map((value) => `${field}:${value}`).join(' '));
      const kept = line.terms.peek().filter(({ negated, target }) => {
        return negated || target.type !== 'field' || target.field !== field;
      });
      line.apply(printFilter({ terms: [...kept, ...wanted] }));
    },
  };
  return line;
}

function problemOf(text: string): FilterProblem | undefined {
  const parsed = parseFilter(text);
  return parsed.ok ? undefined : { column: parsed.column, message: parsed.message };
}

function termsOf(text: string): readonly Term[] {
  const parsed = parseFilter(text);
  return parsed.ok ? parsed.filter.terms : [];
}

function printTerm(term: Term): string {
  const filter: Filter = { terms: [term] };
  return printFilter(filter);
}

function isSameTarget(a: Term, b: Term): boolean {
  return a.negated === b.negated && JSON.stringify(a.target) === JSON.stringify(b.target);
}
