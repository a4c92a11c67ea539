import { SEVERITIES, type Severity } from './activity.ts';
import {
  type Alternative,
  FIELD_NAMES,
  FIELDS,
  FILTER_LIMITS,
  type FieldName,
  type Filter,
  type FilterLimits,
  OPERATORS,
  type Operator,
  type Target,
  type Term,
} from './filter-terms.ts';

/** `column` counts from 1, in UTF-16 units; `message` is a sentence for whoever wrote the filter. */
export type ParsedFilter = { ok: true; filter: Filter } | { ok: false; column: number; message: string };

/**
 * Reads the contract's filter language: `service:api severity:>=warn name:gateway.* @http.status_code:>=500 -kind:log "free text"`.
 * Never throws and takes time in proportion to the text.
 */
export function parseFilter(text: string, limits: FilterLimits = FILTER_LIMITS): ParsedFilter {
  if (text.length > limits.charsMax) {
    return {
      ok: false,
      column: limits.charsMax + 1,
      message: `the filter is longer than ${limits.charsMax} characters`,
    };
  }
  try {
    return { ok: true, filter: { terms: new Parser(text, limits).terms() } };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, column: error.column, message: error.message };
    throw error;
  }
}

/** How the parser leaves from within; never leaves this file. */
class Mistake extends Error {
  readonly column: number;

  constructor(at: number, message: string) {
    super(message);
    this.column = at + 1;
  }
}

interface Word {
  at: number;
  text: string;
  quoted: boolean;
}

const NUMBER = /^[+-]?\d{1,15}(?:\.\d{1,15})?(?:e[+-]?\d{1,3})?$/i;
const DURATION = /^(\d{1,15}(?:\.\d{1,15})?)(us|ms|s|m)?$/;
const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };
/** A field's name, or what stands for one by mistake. */
const NAME = /[^\s:,"]*/y;
const BARE = /[^\s,"]*/y;
const SPACE = /\s*/y;

class Parser {
  #at = 0;
  readonly #text: string;
  readonly #limits: FilterLimits;

  constructor(text: string, limits: FilterLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  terms(): Term[] {
    const terms: Term[] = [];
    for (this.#take(SPACE); this.#at < this.#text.length; this.#take(SPACE)) {
      if (terms.length === this.#limits.termsMax)
        throw new Mistake(this.#at, `more than ${this.#limits.termsMax} terms`);
      terms.push(this.#term());
    }
    return terms;
  }

  #term(): Term {
    const start = this.#at;
    const negated = this.#text[this.#at] === '-';
    if (negated) this.#at += 1;
    if (this.#at >= this.#text.length || /\s/.test(this.#text[this.#at] ?? '')) {
      throw new Mistake(start, 'expected a term after -; to search for a dash, quote it: "-"');
    }
    const target = this.#target();
    const alternatives = [this.#alternative(target)];
    while (this.#text[this.#at] === ',') {
      this.#at += 1;
      if (alternatives.length === this.#limits.alternativesMax) {
        throw new Mistake(this.#at, `more than ${this.#limits.alternativesMax} alternatives in one term`);
      }
      alternatives.push(this.#alternative(target));
    }
    if (this.#at < this.#text.length && !/\s/.test(this.#text[this.#at] ?? '')) {
      throw new Mistake(this.#at, 'expected a space or a comma after a quoted value');
    }
    return { negated, target, alternatives };
  }

  /** What stands before the colon; plain words and quoted ones without a colon are free text. */
  #target(): Target {
    const start = this.#at;
    if (this.#text[start] === '@') return this.#attribute();
    if (this.#text[start] === '"') return { type: 'text' };
    const name = this.#take(NAME);
    if (this.#text[this.#at] !== ':') {
      this.#at = start;
      return { type: 'text' };
    }
    if (!isFieldName(name)) {
      throw new Mistake(
        start,
        `unknown field ${JSON.stringify(name)}; fields are ${FIELD_NAMES.join(', ')}, attributes are written @name:, and text with a colon is quoted`,
      );
    }
    this.#at += 1;
    return { type: 'field', field: name };
  }

  #attribute(): Target {
    const start = this.#at;
    this.#at += 1;
    const key = this.#text[this.#at] === '"' ? this.#quoted() : this.#take(NAME);
    if (key === '') throw new Mistake(this.#at, 'expected the name of an attribute after @');
    if (this.#text[this.#at] !== ':') {
      throw new Mistake(
        this.#at,
        `expected : after ${this.#text.slice(start, this.#at)}; ${this.#text.slice(start, this.#at)}:* asks whether it is there`,
      );
    }
    this.#at += 1;
    return { type: 'attribute', key };
  }

  #alternative(target: Target): Alternative {
    const operator = target.type === 'text' ? undefined : this.#operator(target);
    const word = this.#word();
    if (target.type === 'text') return textual(word, word.text.toLowerCase());
    if (target.type === 'attribute')
      return operator === undefined ? textual(word, word.text) : attributeNumber(operator, word);
    return fieldValue(target.field, operator, word);
  }

  #operator(target: Target): Operator | undefined {
    const operator = OPERATORS.find((candidate) => candidate !== '=' && this.#text.startsWith(candidate, this.#at));
    if (operator === undefined) return undefined;
    if (
      target.type === 'field' &&
      FIELDS[target.field].type !== 'severity' &&
      FIELDS[target.field].type !== 'duration'
    ) {
      throw new Mistake(this.#at, `${target.field} takes no ${operator}; severity, duration and attributes do`);
    }
    this.#at += operator.length;
    return operator;
  }

  #word(): Word {
    const at = this.#at;
    if (this.#text[at] === '"') return { at, text: this.#quoted(), quoted: true };
    const text = this.#take(BARE);
    if (text === '') throw new Mistake(at, 'expected a value');
    if (this.#text[this.#at] === '"')
      throw new Mistake(this.#at, 'a quote stands at the start of a value only; inside quotes it is written \\"');
    return { at, text, quoted: false };
  }

  /** `\"` and `\\` stand for a quote and a backslash; everything else for itself. */
  #quoted(): string {
    const start = this.#at;
    let text = '';
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      let character = this.#text[this.#at];
      if (character === '"') {
        this.#at += 1;
        return text;
      }
      const escaped = this.#text[this.#at + 1];
      if (character === '\\' && (escaped === '"' || escaped === '\\')) {
        this.#at += 1;
        character = escaped;
      }
      text += character;
    }
    throw new Mistake(start, 'this quote is never closed');
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }
}

function isFieldName(name: string): name is FieldName {
  return (FIELD_NAMES as readonly string[]).includes(name);
}

/** A star in quotes is a star. */
function textual(word: Word, text: string): Alternative {
  return !word.quoted && text.includes('*') ? { type: 'glob', pattern: text } : { type: 'exact', text };
}

function attributeNumber(operator: Operator, word: Word): Alternative {
  if (word.quoted || !NUMBER.test(word.text)) throw new Mistake(word.at, `expected a number after ${operator}`);
  return { type: 'compare', operator, text: word.text, value: Number(word.text) };
}

function fieldValue(field: FieldName, operator: Operator | undefined, word: Word): Alternative {
  const { type, choices = [] } = FIELDS[field];
  switch (type) {
    case 'text':
      return textual(word, word.text);
    case 'hex':
      return textual(word, word.text.toLowerCase());
    case 'duration': {
      const match = word.quoted ? null : DURATION.exec(word.text);
      if (match === null) throw new Mistake(word.at, 'expected a duration like 500ms (units us, ms, s, m)');
      const value = Number(match[1]) * (UNIT_MS[match[2] ?? 'ms'] ?? 1);
      return { type: 'compare', operator: operator ?? '=', text: word.text, value };
    }
    default: {
      const value = textual(word, word.text.toLowerCase());
      if (value.type === 'glob' && operator === undefined) return value;
      const text = word.text.toLowerCase();
      if (!choices.includes(text)) throw new Mistake(word.at, `expected ${field} to be one of ${choices.join(', ')}`);
      if (type !== 'severity') return { type: 'exact', text };
      return { type: 'compare', operator: operator ?? '=', text, value: SEVERITIES.indexOf(text as Severity) };
    }
  }
}
