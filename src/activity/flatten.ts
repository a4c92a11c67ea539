import type { Attributes } from './activity.ts';
import { createFlattening, type Flattening } from './flattening.ts';
import { REDACTED, type Redactor } from './redaction.ts';

export interface FlattenLimits {
  /** Attributes an activity; 124 leaves room for ours under the SDK's 128. */
  attributesMax: number;
  /** A string value, each element of an array too, in bytes of UTF-8. */
  attributeBytesMax: number;
  /** The JSON of one whole activity, in bytes. */
  activityBytesMax: number;
}

export const FLATTEN_LIMITS: Readonly<FlattenLimits> = Object.freeze({
  attributesMax: 124,
  attributeBytesMax: 4_096,
  activityBytesMax: 65_536,
});

/** What was cut or replaced, counted up over all calls that share the object. */
export interface Cuts {
  /** Attributes left out because there were too many, or because their key is empty or longer than a value may be. */
  attributes: number;
  /** String values (or elements) cut to their limit. */
  valueBytes: number;
  /** Attributes left out because the activity would be too large. */
  activityBytes: number;
  /** Objects not looked into because they are nested too deep; `"[truncated]"` stands for them. */
  depth: number;
  /** Secrets replaced by `"[redacted]"`. */
  redacted: number;
  /** Attributes left out because their key is livespan's own. */
  reserved: number;
  /** Values that threw when read; `"[unreadable]"` stands for them. */
  unreadable: number;
}

export function noCuts(): Cuts {
  return { attributes: 0, valueBytes: 0, activityBytes: 0, depth: 0, redacted: 0, reserved: 0, unreadable: 0 };
}

export interface FlattenOptions {
  limits: FlattenLimits;
  redactor: Redactor;
  counts: Cuts;
  /** Bytes of the activity's JSON that are not attributes; 512 unless given. */
  envelopeBytes?: number;
  /** The data is nobody else's, so it may become the attributes itself. */
  isOwned?: boolean;
}

export interface Flattened {
  attributes: Attributes;
  /** Size of the attributes' JSON in bytes: an estimate for short flat data, exact for the rest. */
  sizeBytes: number;
}

const ENVELOPE_BYTES = 512;
/** `"key":"value",` */
const PUNCTUATION_BYTES = 6;
/** No number is longer as JSON: -1.2345678901234567e-300 */
const NUMBER_BYTES = 24;
/** A control character is 6 bytes as JSON. */
const ESCAPED_BYTES_MAX = 6;

/**
 * The caller's data as flat attributes: a snapshot that shares nothing with it. Follows the contract's "Flattening" and
 * limits, redacts by key, and never throws, whatever the data is; each cut is counted. Symbol keys are not part of it.
 */
export function flatten(data: unknown, options: FlattenOptions): Flattened {
  if (data === undefined || data === null) return { attributes: {}, sizeBytes: 2 };
  let copy: Record<string, unknown> | undefined;
  try {
    const prototype: unknown = Object.getPrototypeOf(data);
    if (prototype === Object.prototype || prototype === null) {
      // The copy keeps the literal's hidden class, so this is far cheaper than storing key by key.
      copy = options.isOwned === true ? (data as Record<string, unknown>) : { ...data };
      const flat = checkFlat(copy, options);
      if (flat !== undefined) return flat;
    }
  } catch {
    // A getter or a trap threw: read again member by member, so that only the one that throws is lost.
    copy = undefined;
  }
  return finish(createFlattening(options, available(options)), copy ?? data, data);
}

function available(options: FlattenOptions): number {
  return options.limits.activityBytesMax - (options.envelopeBytes ?? ENVELOPE_BYTES);
}

function finish(flattening: Flattening, data: unknown, root: unknown): Flattened {
  flattening.addAll(data, root);
  return { attributes: flattening.attributes, sizeBytes: flattening.sizeBytes };
}

/**
 * The common case: a small flat literal of simple values, each far from its limit. Answers `undefined`, with nothing
 * counted, as soon as something needs a closer look.
 */
function checkFlat(copy: Record<string, unknown>, options: FlattenOptions): Flattened | undefined {
  const { redactor, limits } = options;
  const charsMax = limits.attributeBytesMax / 3;
  let count = 0;
  let redacted = 0;
  let sizeBytes = 2;
  for (const key in copy) {
    if (count >= limits.attributesMax) return undefined;
    const value = copy[key];
    const decision = redactor.decideUsual(key);
    if (decision !== 'plain') {
      if (decision === 'reserved' || decision === 'odd' || (typeof value === 'object' && decision === 'count'))
        return undefined;
      if (decision === 'secret' || typeof value === 'string') {
        if (typeof value !== 'string' && typeof value !== 'number') return undefined;
        redacted += 1;
      }
    }
    sizeBytes += key.length + PUNCTUATION_BYTES;
    if (typeof value === 'string') {
      if (value.length > charsMax || !value.isWellFormed()) return undefined;
      sizeBytes += value.length;
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) return undefined;
      sizeBytes += NUMBER_BYTES;
    } else if (typeof value === 'boolean') sizeBytes += 5;
    else return undefined;
    count += 1;
  }
  if (sizeBytes * ESCAPED_BYTES_MAX > available(options)) return undefined;
  if (redacted > 0) replaceSecrets(copy, options);
  return { attributes: copy as Attributes, sizeBytes };
}

function replaceSecrets(copy: Record<string, unknown>, { redactor, counts }: FlattenOptions): void {
  for (const key of Object.keys(copy)) {
    if (!redactor.isSecret(key, copy[key])) continue;
    // Every key is the copy's own, `__proto__` too, so this assigns data and calls no setter.
    copy[key] = REDACTED;
    counts.redacted += 1;
  }
}
