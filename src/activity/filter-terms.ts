import { KINDS, SEVERITIES, STATUSES } from './activity.ts';

/** How the values of a field are written and compared. */
export type FieldType = 'text' | 'hex' | 'choice' | 'severity' | 'duration';

interface FieldSpec {
  type: FieldType;
  /** What a `choice` or a `severity` may be. */
  choices?: readonly string[];
}

const TABLE = {
  service: { type: 'text' },
  instance: { type: 'text' },
  severity: { type: 'severity', choices: SEVERITIES },
  name: { type: 'text' },
  kind: { type: 'choice', choices: KINDS },
  call: { type: 'text' },
  trace: { type: 'hex' },
  span: { type: 'hex' },
  status: { type: 'choice', choices: STATUSES },
  scope: { type: 'text' },
  id: { type: 'hex' },
  sampled: { type: 'choice', choices: ['true', 'false'] },
  duration: { type: 'duration' },
  summary: { type: 'text' },
} as const satisfies Record<string, FieldSpec>;

export type FieldName = keyof typeof TABLE;
export const FIELDS: Readonly<Record<FieldName, FieldSpec>> = TABLE;
export const FIELD_NAMES = Object.keys(TABLE) as readonly FieldName[];

export const OPERATORS = ['>=', '<=', '>', '<', '='] as const;
export type Operator = (typeof OPERATORS)[number];

export type Alternative =
  /** The whole value is this text. */
  | { type: 'exact'; text: string }
  /** The whole value matches; `*` is any run of characters. */
  | { type: 'glob'; pattern: string }
  /** `text` as it was written, `value` what it means: a number, milliseconds, or the rank of a severity. */
  | { type: 'compare'; operator: Operator; text: string; value: number };

export type Target =
  | { type: 'field'; field: FieldName }
  | { type: 'attribute'; key: string }
  /** Searched, in any case, in name, summary, service, call id and the texts among the attributes. */
  | { type: 'text' };

/** One condition: holds when any of its alternatives does (none of them, when negated). */
export interface Term {
  negated: boolean;
  target: Target;
  alternatives: readonly Alternative[];
}

/** All terms have to hold; without any, everything passes. */
export interface Filter {
  terms: readonly Term[];
}

export interface FilterLimits {
  /** UTF-16 units of the filter's text. */
  charsMax: number;
  termsMax: number;
  alternativesMax: number;
}

export const FILTER_LIMITS: Readonly<FilterLimits> = Object.freeze({
  charsMax: 2_000,
  termsMax: 32,
  alternativesMax: 32,
});
