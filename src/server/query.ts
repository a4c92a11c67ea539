import type { Position } from '../activity/cursor.ts';
import { type Filter, parseFilter } from '../activity/filter.ts';
import { parseSince } from '../activity/since.ts';
import { type ErrorCode, LivespanError } from '../errors.ts';

/** Longest filter text that is looked at; the parser has its own limit on terms. */
const FILTER_CHARS_MAX = 2_000;

/**
 * The query parameters a route knows, each at most once. A misspelt one is refused: `?fliter=…` answered with everything
 * would be a lie.
 */
export function readQuery<N extends string>(query: unknown, names: readonly N[]): Partial<Record<N, string>> {
  const values: Partial<Record<N, string>> = {};
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    const known = names.find((candidate) => candidate === name);
    if (known === undefined) {
      throw refuse('invalid_request', name, `Unknown query parameter; this route takes ${names.join(', ') || 'none'}`);
    }
    if (typeof value !== 'string') throw refuse('invalid_request', name, 'Give this query parameter once');
    values[known] = value;
  }
  return values;
}

/** @throws LivespanError `invalid_filter` with `column` (from 1) */
export function readFilter(text: string | undefined): Filter | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  if (text.length > FILTER_CHARS_MAX) {
    throw new LivespanError('invalid_filter', `filter: longer than ${FILTER_CHARS_MAX} characters`, {
      details: { parameter: 'filter', column: FILTER_CHARS_MAX + 1 },
    });
  }
  const parsed = parseFilter(text);
  if (parsed.ok) return parsed.filter;
  throw new LivespanError('invalid_filter', `filter, column ${parsed.column}: ${parsed.message}`, {
    details: { parameter: 'filter', column: parsed.column },
  });
}

/** A duration back from now (`5m`), an ISO time or a cursor. */
export function readPosition(name: 'since' | 'until', text: string | undefined): Position | undefined {
  if (text === undefined || text === '') return undefined;
  const parsed = parseSince(text, Date.now());
  if (parsed.ok) return parsed.position;
  throw refuse('invalid_cursor', name, parsed.message);
}

export function readInteger(
  name: string,
  text: string | undefined,
  bounds: { min: number; max: number },
): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw refuse('invalid_request', name, `Must be a whole number from ${bounds.min} to ${bounds.max}`);
}

export function readChoice<C extends string>(
  name: string,
  text: string | undefined,
  choices: readonly C[],
): C | undefined {
  if (text === undefined || text === '') return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw refuse('invalid_request', name, `Must be one of ${choices.join(', ')}`);
}

function refuse(code: ErrorCode, parameter: string, message: string): LivespanError {
  // A name as long as the caller likes has no place in the answer.
  const name = parameter.slice(0, 40);
  return new LivespanError(code, `${name}: ${message}`, { details: { parameter: name } });
}
