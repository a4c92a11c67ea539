/** Where a text stops being JSON: line and column from 1, and what could have stood there. */
interface JsonFault {
  line: number;
  column: number;
  expected: string;
}

/** Tokens looked at: the search must not hold up the readers for a body that was made to be slow. */
const TOKENS_MAX = 500_000;

type Expectation = 'value' | 'value or ]' | 'key or }' | 'key' | ':' | ', or ]' | ', or }' | 'the end';

/** RFC 8259, section 7: every character from the space on, but the quote and the backslash; U+007F to U+009F as well. */
const STRING = /"[ !#-[\]-\u{10ffff}]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[ !#-[\]-\u{10ffff}]*)*"/uy;
const SIMPLE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * V8's own message names no place and quotes the body, so the place is found here, once a text is known to be broken.
 * One pass without recursion: the text may be nested as deep as it likes. `undefined`: too far in to look for.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const closers: string[] = [];
  let expected: Expectation = 'value';
  let at = skip(SPACE, text, 0);
  for (let tokens = 0; at < text.length; tokens++) {
    if (tokens === TOKENS_MAX) return undefined;
    const step = take(text, at, expected, closers);
    if (step === undefined) break;
    expected = step.expected;
    at = skip(SPACE, text, step.end);
  }
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: at - lineStart + 1, expected };
}

function take(
  text: string,
  at: number,
  expected: Expectation,
  closers: string[],
): { end: number; expected: Expectation } | undefined {
  const char = text.charAt(at);
  if (closers.length > 0 && char === closers.at(-1) && expected.endsWith(char)) {
    closers.pop();
    return { end: at + 1, expected: afterValue(closers) };
  }
  if (expected === ':') return char === ':' ? { end: at + 1, expected: 'value' } : undefined;
  if (expected.startsWith(',')) {
    return char === ',' ? { end: at + 1, expected: closers.at(-1) === '}' ? 'key' : 'value' } : undefined;
  }
  if (expected.startsWith('key')) {
    const end = skip(STRING, text, at);
    return end > at ? { end, expected: ':' } : undefined;
  }
  if (expected === 'the end') return undefined;
  if (char === '{' || char === '[') {
    closers.push(char === '{' ? '}' : ']');
    return { end: at + 1, expected: char === '{' ? 'key or }' : 'value or ]' };
  }
  const end = skip(char === '"' ? STRING : SIMPLE, text, at);
  return end > at ? { end, expected: afterValue(closers) } : undefined;
}

function afterValue(closers: string[]): Expectation {
  const closer = closers.at(-1);
  if (closer === undefined) return 'the end';
  return closer === '}' ? ', or }' : ', or ]';
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The same as the end of a sentence: `: line 1, column 7: expected value`. */
export function faultText(fault: JsonFault | undefined): string {
  return fault === undefined ? '' : `: line ${fault.line}, column ${fault.column}: expected ${fault.expected}`;
}
