export const CIRCULAR = '[circular]';
export const TRUNCATED = '[truncated]';
export const UNREADABLE = '[unreadable]';

/** Stands for what has no place in attributes: undefined, null, functions and symbols. */
export const LEFT_OUT = Symbol('left out');

type Simple = string | number | boolean;

/**
 * One value as far as it can be said without looking into it: simple values by the contract's rules, objects that bring
 * their own `toJSON` as what that answers, other objects as they are. May throw what the value's own code throws.
 */
export function simplify(value: unknown): Simple | object | typeof LEFT_OUT {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return bigintText(value);
    case 'object':
      return value === null ? LEFT_OUT : simplifyObject(value, true);
    default:
      return LEFT_OUT;
  }
}

function simplifyObject(value: object, mayConvert: boolean): Simple | object | typeof LEFT_OUT {
  if (value instanceof Date) {
    const ms = value.getTime();
    return Number.isFinite(ms) ? value.toISOString() : 'Invalid Date';
  }
  if (value instanceof String || value instanceof Number || value instanceof Boolean) return simplify(value.valueOf());
  if (!mayConvert || isError(value) || ArrayBuffer.isView(value)) return value;
  const toJson: unknown = (value as { toJSON?: unknown }).toJSON;
  if (typeof toJson !== 'function') return value;
  const converted: unknown = toJson.call(value, '');
  // Once: one that answers with another that has toJSON could go on for ever.
  return typeof converted === 'object' && converted !== null ? simplifyObject(converted, false) : simplify(converted);
}

/** Writing out a bigint of a million digits takes seconds. */
const BIGINT_BITS_MAX = 4_096n;

function bigintText(value: bigint): string {
  const size = value < 0n ? -value : value;
  return size >> BIGINT_BITS_MAX === 0n ? String(value) : `[bigint of more than ${BIGINT_BITS_MAX} bits]`;
}

/** Also errors of another realm (`vm`, jest), which are no instances of ours. */
export function isError(value: object): boolean {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** Names of the OpenTelemetry semantic conventions for exceptions. */
export function errorParts(error: object): [name: string, text: string][] {
  const { name, message, stack } = error as { name?: unknown; message?: unknown; stack?: unknown };
  const className: unknown = error.constructor?.name;
  const known = typeof name === 'string' && name !== '' ? name : 'Error';
  const type = known === 'Error' && typeof className === 'string' && className !== '' ? className : known;
  const parts: [string, string][] = [['exception.type', type]];
  if (typeof message === 'string') parts.push(['exception.message', message]);
  if (typeof stack === 'string') parts.push(['exception.stacktrace', stack]);
  return parts;
}

const BASE64_HEAD = 'base64:';

/** Buffers and their like as `base64:` text of at most `bytesMax` characters; `undefined` for everything else. */
export function bytesOf(value: object, bytesMax: number): { text: string; cut: boolean } | undefined {
  const all =
    value instanceof ArrayBuffer
      ? new Uint8Array(value)
      : value instanceof Uint8Array || value instanceof Uint8ClampedArray || value instanceof DataView
        ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        : undefined;
  if (all === undefined) return undefined;
  const lengthMax = Math.max(0, Math.floor((bytesMax - BASE64_HEAD.length) / 4) * 3);
  const bytes = all.subarray(0, lengthMax);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { text: BASE64_HEAD + btoa(binary), cut: bytes.length < all.length };
}

/**
 * The elements of an array (typed ones too) when all are of one simple type, `'too long'` when they alone fill an
 * activity, `undefined` when it is no such array.
 */
export function listOf(value: object, elementBytesMax: number, bytesMax: number): Simple[] | 'too long' | undefined {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return undefined;
  const source = value as unknown as ArrayLike<unknown>;
  const list: Simple[] = [];
  let bytesLeast = 2;
  for (let index = 0; index < source.length; index += 1) {
    const given = source[index];
    if (typeof given === 'object' && !isDate(given)) return undefined;
    const element = simplify(given);
    if (typeof element === 'symbol' || typeof element === 'object') return undefined;
    if (list.length > 0 && typeof element !== typeof list[0]) return undefined;
    list.push(element);
    bytesLeast += 2 + (typeof element === 'string' ? Math.min(element.length, elementBytesMax) : 0);
    if (bytesLeast > bytesMax) return 'too long';
  }
  return list;
}

function isDate(value: unknown): boolean {
  try {
    return value instanceof Date;
  } catch {
    // A revoked proxy: one bad element must not cost the others.
    return false;
  }
}
