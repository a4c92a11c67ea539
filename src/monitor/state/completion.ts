import { FIELD_NAMES, FIELDS, type FieldName } from '../../activity/filter-terms.ts';
import type { KnownValues } from './known.ts';

/** One way to go on. */
export interface Completion {
  /** What is shown in the list. */
  readonly label: string;
  /** A few words about it. */
  readonly detail: string;
  /** The whole line with it taken, and where the caret goes. */
  readonly text: string;
  readonly caret: number;
}

const COMPLETIONS_MAX = 12;
const FIELD_WORDS: Readonly<Record<FieldName, string>> = {
  service: 'who says it',
  instance: 'one process of a service',
  severity: 'how bad: severity:>=warn',
  name: 'event or span name, * globs',
  kind: 'event, span.start, span.end, log, notice',
  call: 'one request by its call id',
  trace: 'trace id',
  span: 'span id',
  status: 'unset, ok, error',
  scope: 'instrumentation scope',
  id: 'one activity',
  sampled: 'true or false',
  duration: 'of an ended span: duration:>500ms',
  summary: 'the sentence',
};
const DURATIONS = ['>100ms', '>500ms', '>1s', '>5s'];

/** Where the term under the caret begins; quotes hold spaces together. */
function termStart(text: string, caret: number): number {
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < caret; at += 1) {
    const character = text[at];
    if (character === '\\' && isQuoted) at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && /\s/.test(character ?? '')) start = at + 1;
  }
  return start;
}

/** How the term under the caret may go on: fields, then the values of the field that were seen. */
export function completeFilter(text: string, caret: number, known: KnownValues): readonly Completion[] {
  const start = termStart(text, caret);
  const before = text.slice(start, caret);
  const sign = before.startsWith('-') ? '-' : '';
  const term = before.slice(sign.length);
  const colon = term.startsWith('@"') ? term.indexOf(':', term.indexOf('"', 2)) : term.indexOf(':');
  const offers = colon < 0 ? names(term, known) : values(term.slice(0, colon), term.slice(colon + 1), known);
  return offers.slice(0, COMPLETIONS_MAX).map(({ label, detail, word, isDone }) => {
    const head = `${text.slice(0, start)}${sign}${word}`;
    const rest = text.slice(caret).replace(/^\S*/, '');
    const gap = isDone && !rest.startsWith(' ') ? ' ' : '';
    return { label, detail, text: `${head}${gap}${rest}`, caret: head.length + (isDone ? 1 : 0) };
  });
}

interface Offer {
  label: string;
  detail: string;
  /** The term up to here. */
  word: string;
  /** Nothing has to follow. */
  isDone: boolean;
}

function names(typed: string, known: KnownValues): Offer[] {
  if (typed.startsWith('@')) {
    const wanted = typed.slice(1).replace(/^"/, '').toLowerCase();
    return rank([...known.attributeKeys], wanted).map((key) => ({
      label: `@${key}`,
      detail: 'attribute',
      word: `@${/[\s:,"]/.test(key) ? quote(key) : key}:`,
      isDone: false,
    }));
  }
  const fields = rank(FIELD_NAMES, typed.toLowerCase()).map((field) => ({
    label: `${field}:`,
    detail: FIELD_WORDS[field],
    word: `${field}:`,
    isDone: false,
  }));
  if (typed === '') return fields;
  // A word by itself searches everywhere; a known name or service is most often what is meant.
  const meant = (of: ReadonlySet<string>, field: string): Offer[] =>
    rank([...of], typed.toLowerCase())
      .slice(0, 4)
      .map((value) => ({
        label: `${field}:${value}`,
        detail: `seen as ${field}`,
        word: `${field}:${bare(value)}`,
        isDone: true,
      }));
  return [...fields, ...meant(known.services, 'service'), ...meant(known.names, 'name')];
}

function values(field: string, typed: string, known: KnownValues): Offer[] {
  const comma = typed.lastIndexOf(',');
  const earlier = typed.slice(0, comma + 1);
  const last = typed.slice(comma + 1).replace(/^"/, '');
  return rank(candidates(field, known), last.toLowerCase()).map((value) => ({
    label: value,
    detail: field,
    word: `${field}:${earlier}${/^[<>]/.test(value) ? value : bare(value)}`,
    isDone: true,
  }));
}

function candidates(field: string, known: KnownValues): readonly string[] {
  if (!isField(field)) return field.startsWith('@') ? ['*', '>=', '<', 'true', 'false'] : [];
  const { choices } = FIELDS[field];
  if (field === 'severity' && choices) return [...choices.map((choice) => `>=${choice}`), ...choices];
  if (choices !== undefined) return choices;
  if (field === 'duration') return DURATIONS;
  const seen: Partial<Record<FieldName, ReadonlySet<string>>> = {
    service: known.services,
    instance: known.instances,
    name: known.names,
    scope: known.scopes,
    call: known.calls,
  };
  return [...(seen[field] ?? [])];
}

function isField(name: string): name is FieldName {
  return (FIELD_NAMES as readonly string[]).includes(name);
}

/** What begins with the typed text first, then what holds it. What is typed out already is no completion. */
function rank<T extends string>(from: readonly T[], typed: string): T[] {
  const lower = (value: string): string => value.toLowerCase();
  const starts = from.filter((value) => lower(value).startsWith(typed) && lower(value) !== typed);
  return [...starts, ...from.filter((value) => !lower(value).startsWith(typed) && lower(value).includes(typed))];
}

function bare(value: string): string {
  return /^[^\s,"*<>]+$/.test(value) ? value : quote(value);
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
