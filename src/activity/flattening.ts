import type { Attributes, AttributeValue } from './activity.ts';
import { setAttribute } from './codec.ts';
import type { FlattenOptions } from './flatten.ts';
import { encodeBounded } from './json-text.ts';
import { isFigure, REDACTED } from './redaction.ts';
import { cutText, fits, jsonBytes } from './text.ts';
import { bytesOf, CIRCULAR, errorParts, isError, LEFT_OUT, listOf, simplify, TRUNCATED, UNREADABLE } from './values.ts';

/** Levels of dotted keys; an object below them is not looked into. */
const DEPTH_MAX = 8;
/** Values looked at a call: bounds data that is wide and empty, or made up by a proxy while it is read. */
const VISITS_MAX = 4_096;

/** Flattening with every rule, for data that is nested, large, odd or hostile. */
export interface Flattening {
  readonly attributes: Attributes;
  readonly sizeBytes: number;
  /** `root` is the caller's own object where `data` is a copy of it: a cycle leads back to that one. */
  addAll(data: unknown, root: unknown): void;
}

export function createFlattening(options: FlattenOptions, bytesMax: number): Flattening {
  const { limits, redactor, counts } = options;
  const attributes: Attributes = {};
  const ancestors: unknown[] = [];
  let root: unknown;
  let count = 0;
  let sizeBytes = 2;
  let visits = 0;

  function addMembers(prefix: string, object: object): void {
    ancestors.push(object);
    const keys = Object.keys(object);
    for (const [index, name] of keys.entries()) {
      visits += 1;
      if (visits > VISITS_MAX) {
        counts.attributes += keys.length - index;
        break;
      }
      const key = (prefix === '' ? name : `${prefix}.${name}`).toWellFormed();
      try {
        add(key, (object as Record<string, unknown>)[name]);
      } catch {
        unreadable(key);
      }
    }
    ancestors.pop();
  }

  function unreadable(key: string): void {
    counts.unreadable += 1;
    put(key, UNREADABLE);
  }

  function add(key: string, given: unknown): void {
    const value = simplify(given);
    if (value === LEFT_OUT) return;
    if (count >= limits.attributesMax && !isPlain(value) && !Object.hasOwn(attributes, key)) {
      counts.attributes += 1;
      return;
    }
    // What surely does not fit is not cut first: 10,000 long texts would take a quarter of a second.
    if (typeof value === 'string' && sizeBytes + Math.min(value.length, limits.attributeBytesMax - 3) > bytesMax) {
      counts.activityBytes += 1;
      return;
    }
    const decision = redactor.decide(key);
    if (decision === 'secret' || (decision === 'count' && !isFigure(given) && !isPlain(value))) {
      counts.redacted += 1;
      put(key, REDACTED);
    } else if (typeof value !== 'object') put(key, bounded(value));
    else if (value === root || ancestors.includes(value)) put(key, CIRCULAR);
    else addObject(key, value);
  }

  function addObject(key: string, value: object): void {
    const bytes = bytesOf(value, limits.attributeBytesMax);
    if (bytes !== undefined) {
      if (bytes.cut) counts.valueBytes += 1;
      put(key, bytes.text);
    } else if (isError(value)) addError(key, value);
    else if (isPlain(value)) {
      if (ancestors.length < DEPTH_MAX) addMembers(key, value);
      else {
        counts.depth += 1;
        put(key, TRUNCATED);
      }
    } else addList(key, value);
  }

  /** The first error takes the names that tools look for; a further one keeps its key in front. */
  function addError(key: string, error: object): void {
    const prefix = Object.hasOwn(attributes, 'exception.type') && key !== '' ? `${key}.` : '';
    for (const [name, text] of errorParts(error)) add(`${prefix}${name}`, text);
  }

  /** Arrays of one simple type stay arrays; Map, Set and mixed arrays become JSON text. */
  function addList(key: string, value: object): void {
    const list = listOf(value, limits.attributeBytesMax, bytesMax);
    if (list === 'too long') counts.activityBytes += 1;
    else if (list !== undefined) put(key, list.map((element) => bounded(element)) as AttributeValue);
    else {
      const options = {
        redactor,
        counts,
        ancestors: [...ancestors, root],
        depthMax: DEPTH_MAX,
        bytesMax: limits.attributeBytesMax,
      };
      put(key, encodeBounded(key, value, options));
    }
  }

  function bounded<T>(value: T): T | string {
    if (typeof value !== 'string') return value;
    if (fits(value, limits.attributeBytesMax)) return value.toWellFormed();
    counts.valueBytes += 1;
    return cutText(value, limits.attributeBytesMax);
  }

  /** The one place where an attribute is written: limits on keys, count and size, and the reserved keys. */
  function put(key: string, value: AttributeValue): void {
    if (redactor.decide(key) === 'reserved') {
      counts.reserved += 1;
      return;
    }
    const known = Object.hasOwn(attributes, key);
    if (key === '' || !fits(key, limits.attributeBytesMax) || (!known && count >= limits.attributesMax)) {
      counts.attributes += 1;
      return;
    }
    const bytes = jsonBytes(key) + valueBytes(value) + 2 - (known ? memberBytes(key) : 0);
    if (sizeBytes + bytes > bytesMax) {
      counts.activityBytes += 1;
      return;
    }
    if (!known) count += 1;
    sizeBytes += bytes;
    setAttribute(attributes, key, value);
  }

  function memberBytes(key: string): number {
    const value = attributes[key];
    return value === undefined ? 0 : jsonBytes(key) + valueBytes(value) + 2;
  }

  return {
    attributes,
    get sizeBytes() {
      return sizeBytes;
    },
    addAll(data, given) {
      root = given;
      try {
        const value = simplify(data);
        if (value === LEFT_OUT) return;
        if (typeof value === 'object' && isError(value)) addError('', value);
        else if (isPlain(value)) addMembers('', value);
        else {
          root = undefined;
          add('data', value);
        }
      } catch {
        unreadable('data');
      }
    },
  };
}

/** An object whose members become dotted keys: literals and instances of classes, not the built-in containers. */
function isPlain(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof ArrayBuffer) &&
    !(value instanceof Map) &&
    !(value instanceof Set) &&
    !isError(value)
  );
}

function valueBytes(value: AttributeValue): number {
  if (typeof value === 'string') return jsonBytes(value);
  if (!Array.isArray(value)) return String(value).length;
  let bytes = 2;
  for (const element of value) bytes += valueBytes(element) + 1;
  return bytes;
}
