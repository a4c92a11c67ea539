import type { Cuts } from './flatten.ts';
import { isFigure, REDACTED, type Redactor } from './redaction.ts';
import { cutText, fits } from './text.ts';
import { bytesOf, CIRCULAR, errorParts, isError, LEFT_OUT, simplify, TRUNCATED, UNREADABLE } from './values.ts';

export interface JsonTextOptions {
  redactor: Redactor;
  counts: Cuts;
  /** The objects that enclose the value, outermost first. */
  ancestors: readonly unknown[];
  depthMax: number;
  /** The text is cut to this many bytes of UTF-8. */
  bytesMax: number;
}

/**
 * JSON text of what has no flat form (Map, Set, mixed arrays): the same rules, redaction inside, and it stops as soon as
 * the text is long enough, however large the value is.
 */
export function encodeBounded(key: string, value: object, options: JsonTextOptions): string {
  const { redactor, counts, bytesMax } = options;
  const ancestors = [...options.ancestors];
  const depthMax = ancestors.length + options.depthMax;
  let text = '';

  const full = (): boolean => text.length > bytesMax;

  function write(path: string, given: unknown): void {
    let simple: ReturnType<typeof simplify>;
    try {
      simple = simplify(given);
    } catch {
      counts.unreadable += 1;
      text += JSON.stringify(UNREADABLE);
      return;
    }
    if (simple === LEFT_OUT) text += 'null';
    else if (typeof simple === 'string') writeText(simple);
    else if (typeof simple !== 'object') text += String(simple);
    else if (ancestors.includes(simple)) writeText(CIRCULAR);
    else if (ancestors.length >= depthMax) {
      counts.depth += 1;
      writeText(TRUNCATED);
    } else {
      ancestors.push(simple);
      writeObject(path, simple);
      ancestors.pop();
    }
  }

  /** A text longer than what is left is cut anyway; escaping 10 MB first would be waste. */
  function writeText(value: string): void {
    text += JSON.stringify((value.length > bytesMax ? value.slice(0, bytesMax) : value).toWellFormed());
  }

  function writeObject(path: string, object: object): void {
    try {
      const bytes = bytesOf(object, bytesMax);
      if (bytes !== undefined) writeText(bytes.text);
      else if (isError(object)) writeMembers(path, errorParts(object));
      else if (object instanceof Map) writeMembers(path, object);
      else if (object instanceof Set) writeElements(path, object);
      else if (Array.isArray(object) || ArrayBuffer.isView(object)) writeElements(path, object as unknown as unknown[]);
      else writeMembers(path, membersOf(object));
    } catch {
      counts.unreadable += 1;
      text += JSON.stringify(UNREADABLE);
    }
  }

  function writeElements(path: string, elements: Iterable<unknown>): void {
    text += '[';
    let first = true;
    for (const element of elements) {
      if (full()) return;
      if (!first) text += ',';
      first = false;
      write(path, element);
    }
    text += ']';
  }

  function writeMembers(path: string, members: Iterable<[unknown, unknown]>): void {
    text += '{';
    let first = true;
    for (const [name, member] of members) {
      if (full()) return;
      if (typeof member === 'function' || member === undefined) continue;
      if (!first) text += ',';
      first = false;
      const memberName = typeof name === 'object' || typeof name === 'function' ? '[object]' : String(name);
      writeText(memberName);
      text += ':';
      const memberPath = `${path}.${memberName}`;
      if (isSecret(memberPath, member)) {
        counts.redacted += 1;
        writeText(REDACTED);
      } else write(memberPath, member);
    }
    text += '}';
  }

  function isSecret(path: string, member: unknown): boolean {
    const decision = redactor.decide(path);
    return decision === 'secret' || (decision === 'count' && !isFigure(member) && typeof member !== 'object');
  }

  write(key, value);
  if (fits(text, bytesMax)) return text;
  counts.valueBytes += 1;
  return cutText(text, bytesMax);
}

/** Member by member, so that one that throws when read costs only itself. */
function* membersOf(object: object): Generator<[string, unknown]> {
  for (const name of Object.keys(object)) {
    let value: unknown;
    try {
      value = (object as Record<string, unknown>)[name];
    } catch {
      value = UNREADABLE;
    }
    yield [name, value];
  }
}
