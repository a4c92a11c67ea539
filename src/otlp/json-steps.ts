import { JsonShapeError } from './json-values.ts';
import { setRaw } from './records.ts';

/** A value up to this long is left to JSON.parse in one go: well under a millisecond. */
const CHUNK_CHARS = 65_536;
const DEPTH_MAX = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * `JSON.parse` in small steps: the same value, and refused where that refuses (but for nesting deeper than anything
 * OTLP has), with a `yield` after each step so that a text of many megabytes does not hold up the event loop. What is
 * small is still parsed by JSON.parse; only what is large is opened and parsed member by member.
 * Where one key comes twice the last one wins, as there.
 * @throws JsonShapeError where the text is not JSON
 */
export function* parseInSteps(text: string): Generator<undefined, unknown> {
  const parser = new SteppedParser(text);
  const value = yield* parser.value(0);
  if (!Number.isNaN(parser.peek())) throw notJson();
  return value;
}

function notJson(): JsonShapeError {
  return new JsonShapeError('body', 'JSON');
}

class SteppedParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that is no white space; NaN at the end. */
  peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#position += 1;
    }
  }

  *value(depth: number): Generator<undefined, unknown> {
    this.peek();
    const end = endOf(this.#text, this.#position, CHUNK_CHARS);
    if (end !== undefined) return this.#parseUntil(end);
    if (depth >= DEPTH_MAX) throw new JsonShapeError('body', 'values nested less deep');
    if (this.#takes(OPEN_LIST)) return yield* this.#list(depth);
    if (this.#takes(OPEN_OBJECT)) return yield* this.#object(depth);
    throw notJson();
  }

  *#list(depth: number): Generator<undefined, unknown[]> {
    const list: unknown[] = [];
    if (this.#takes(CLOSE_LIST)) return list;
    do {
      list.push(yield* this.value(depth + 1));
      yield;
    } while (this.#goesOn(CLOSE_LIST));
    return list;
  }

  *#object(depth: number): Generator<undefined, Record<string, unknown>> {
    const object: Record<string, unknown> = {};
    if (this.#takes(CLOSE_OBJECT)) return object;
    do {
      if (this.peek() !== QUOTE) throw notJson();
      const key = this.#parseUntil(endOfText(this.#text, this.#position)) as string;
      if (!this.#takes(COLON)) throw notJson();
      setRaw(object, key, yield* this.value(depth + 1));
      yield;
    } while (this.#goesOn(CLOSE_OBJECT));
    return object;
  }

  /** After an element: true at a comma, false at the end. */
  #goesOn(close: number): boolean {
    if (this.#takes(COMMA)) return true;
    if (this.#takes(close)) return false;
    throw notJson();
  }

  #takes(code: number): boolean {
    if (this.peek() !== code) return false;
    this.#position += 1;
    return true;
  }

  #parseUntil(end: number): unknown {
    const part = this.#text.slice(this.#position, end);
    this.#position = end;
    try {
      return JSON.parse(part);
    } catch {
      throw notJson();
    }
  }
}

/** Where the value that starts here ends, as brackets and quotes say; `undefined` when it is a longer list or object. */
function endOf(text: string, start: number, charsMax: number): number | undefined {
  const limit = start + charsMax;
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (at > limit) {
      if (depth > 0) return undefined;
      // No number or literal is that long.
      throw notJson();
    }
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) depth += 1;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && code === COMMA) return at;
  }
  // Cut off, or a literal at the very end of the text.
  return text.length;
}

/** The end of the text in quotes that starts here. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote === -1) throw notJson();
    let escapes = 0;
    while (text.charCodeAt(quote - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}
