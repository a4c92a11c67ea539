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
  const writer = new BoundedWriter(options);
  writer.write(key, value);
  if (fits(writer.text, options.bytesMax)) return writer.text;
  options.counts.valueBytes += 1;
  return cutText(writer.text, options.bytesMax);
}

class BoundedWriter {
  text = '';
  readonly #options: JsonTextOptions;
  readonly #ancestors: unknown[];
  readonly #depthMax: number;

  constructor(options: JsonTextOptions) {
    this.#options = options;
    this.#ancestors = [...options.ancestors];
    this.#depthMax = options.ancestors.length + options.depthMax;
  }

  /** @param path dotted key of the value, by which redaction decides */
  write(path: string, given: unknown): void {
    let value: ReturnType<typeof simplify>;
    try {
      value = simplify(given);
    } catch {
      this.#writeUnreadable();
      return;
    }
    if (value === LEFT_OUT) this.text += 'null';
    else if (typeof value === 'string') this.#writeText(value);
    else if (typeof value !== 'object') this.text += String(value);
    else if (this.#ancestors.includes(value)) this.#writeText(CIRCULAR);
    else if (this.#ancestors.length >= this.#depthMax) {
      this.#options.counts.depth += 1;
      this.#writeText(TRUNCATED);
    } else {
      this.#ancestors.push(value);
      this.#writeObject(path, value);
      this.#ancestors.pop();
    }
  }

  #isFull(): boolean {
    return this.text.length > this.#options.bytesMax;
  }

  /** A text longer than what is left is cut anyway; escaping 10 MB first would be waste. */
  #writeText(value: string): void {
    const { bytesMax } = this.#options;
    this.text += JSON.stringify((value.length > bytesMax ? value.slice(0, bytesMax) : value).toWellFormed());
  }

  #writeUnreadable(): void {
    this.#options.counts.unreadable += 1;
    this.#writeText(UNREADABLE);
  }

  #writeObject(path: string, object: object): void {
    try {
      const bytes = bytesOf(object, this.#options.bytesMax);
      if (bytes !== undefined) this.#writeText(bytes.text);
      else if (isError(object)) this.#writeMembers(path, errorParts(object));
      else if (object instanceof Map) this.#writeMembers(path, object);
      else if (object instanceof Set) this.#writeElements(path, object);
      else if (Array.isArray(object) || ArrayBuffer.isView(object)) {
        this.#writeElements(path, object as unknown as unknown[]);
      } else this.#writeMembers(path, membersOf(object));
    } catch {
      this.#writeUnreadable();
    }
  }

  #writeElements(path: string, elements: Iterable<unknown>): void {
    this.text += '[';
    let separator = '';
    for (const element of elements) {
      if (this.#isFull()) return;
      this.text += separator;
      separator = ',';
      this.write(path, element);
    }
    this.text += ']';
  }

  #writeMembers(path: string, members: Iterable<[unknown, unknown]>): void {
    this.text += '{';
    let separator = '';
    for (const [given, member] of members) {
      if (this.#isFull()) return;
      if (typeof member === 'function' || member === undefined) continue;
      const name = typeof given === 'object' || typeof given === 'function' ? '[object]' : String(given);
      this.text += separator;
      separator = ',';
      this.#writeText(name);
      this.text += ':';
      this.#writeMember(`${path}.${name}`, member);
    }
    this.text += '}';
  }

  #writeMember(path: string, member: unknown): void {
    const { redactor, counts } = this.#options;
    const decision = redactor.decide(path);
    const isSecret = decision === 'secret' || (decision === 'count' && !isFigure(member) && typeof member !== 'object');
    if (isSecret) {
      counts.redacted += 1;
      this.#writeText(REDACTED);
    } else this.write(path, member);
  }
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
