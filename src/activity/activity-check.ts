import {
  type Activity,
  type Attributes,
  type AttributeValue,
  KINDS,
  SEVERITIES,
  SPAN_KINDS,
  STATUSES,
} from './activity.ts';
import { parseTimeUs } from './time.ts';

/** Either the activity or one sentence that says which field is wrong; it never quotes a value, which may be a secret. */
export type Decoded = { ok: true; activity: Activity } | { ok: false; reason: string };

/** Far above what the SDK writes (124); a bound for what others write. */
const ATTRIBUTES_MAX = 1_024;

interface Rule {
  field: Exclude<keyof Activity, 'attributes'>;
  required: boolean;
  valid: (value: unknown) => boolean;
  expected: string;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;

const text = (value: unknown): boolean => typeof value === 'string';
const count = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const matching =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value);
/** 32 lowercase hex characters, not all zero. */
export const isTraceId = matching(TRACE_ID);
/** 16 lowercase hex characters, not all zero. */
export const isSpanId = matching(SPAN_ID);
const oneOf =
  (choices: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'string' && choices.includes(value);

const SPAN_ID_EXPECTED = '16 lowercase hex characters, not all zero';

/** In the order in which the members are written. */
const RULES: readonly Rule[] = [
  { field: 'id', required: true, valid: matching(UUID_V7), expected: 'a UUIDv7 in lowercase' },
  { field: 'kind', required: true, valid: oneOf(KINDS), expected: `one of ${KINDS.join(', ')}` },
  {
    field: 'name',
    required: true,
    valid: (value) => text(value) && value !== '',
    expected: 'a text that is not empty',
  },
  {
    field: 'time',
    required: true,
    valid: (value) => typeof value === 'string' && parseTimeUs(value) !== undefined,
    expected: 'a UTC time with 6 decimals like 2026-11-21T00:22:37.123456Z',
  },
  { field: 'severity', required: true, valid: oneOf(SEVERITIES), expected: `one of ${SEVERITIES.join(', ')}` },
  { field: 'summary', required: false, valid: text, expected: 'a text' },
  { field: 'service', required: false, valid: text, expected: 'a text' },
  { field: 'instance', required: false, valid: text, expected: 'a text' },
  { field: 'callId', required: false, valid: text, expected: 'a text' },
  {
    field: 'traceId',
    required: false,
    valid: isTraceId,
    expected: '32 lowercase hex characters, not all zero',
  },
  { field: 'spanId', required: false, valid: isSpanId, expected: SPAN_ID_EXPECTED },
  { field: 'parentSpanId', required: false, valid: isSpanId, expected: SPAN_ID_EXPECTED },
  { field: 'sampled', required: false, valid: (value) => value === false, expected: 'false, or absent' },
  { field: 'spanKind', required: false, valid: oneOf(SPAN_KINDS), expected: `one of ${SPAN_KINDS.join(', ')}` },
  { field: 'status', required: false, valid: oneOf(STATUSES), expected: `one of ${STATUSES.join(', ')}` },
  { field: 'statusMessage', required: false, valid: text, expected: 'a text' },
  {
    field: 'durationMs',
    required: false,
    valid: (value) => Number.isFinite(value) && (value as number) >= 0,
    expected: 'a number of milliseconds, 0 or more',
  },
  { field: 'scope', required: false, valid: text, expected: 'a text' },
  { field: 'eventCount', required: false, valid: count, expected: 'a whole number, 0 or more' },
  { field: 'droppedEvents', required: false, valid: count, expected: 'a whole number, 0 or more' },
];

/** Reads a foreign value that is parsed already. Never throws, reads own members only; members that the contract does not know are left out. */
export function checkActivity(value: unknown): Decoded {
  try {
    if (!isRecord(value)) return wrong('not an object');
    const activity: Record<string, unknown> = {};
    for (const { field, required, valid, expected } of RULES) {
      const member = Object.hasOwn(value, field) ? value[field] : undefined;
      if (member === undefined) {
        if (required) return wrong(`${field}: missing, expected ${expected}`);
      } else if (valid(member)) activity[field] = member;
      else return wrong(`${field}: expected ${expected}`);
    }
    const attributes = checkAttributes(Object.hasOwn(value, 'attributes') ? value.attributes : undefined);
    if (typeof attributes === 'string') return wrong(attributes);
    activity.attributes = attributes;
    // Every member was checked against RULES above; the compiler cannot follow a table.
    return { ok: true, activity: activity as unknown as Activity };
  } catch {
    return wrong('cannot be read');
  }
}

/** A copy of the attributes, or the reason why they are none. */
function checkAttributes(value: unknown): Attributes | string {
  if (value === undefined) return 'attributes: missing, expected an object';
  if (!isRecord(value)) return 'attributes: expected an object';
  const keys = Object.keys(value);
  if (keys.length > ATTRIBUTES_MAX) return `attributes: more than ${ATTRIBUTES_MAX}`;
  const attributes: Attributes = {};
  for (const key of keys) {
    const member = value[key];
    if (!isAttributeValue(member)) {
      return `attributes: ${JSON.stringify(key.slice(0, 100))} is not a text, a finite number, a boolean or an array of one of these`;
    }
    setAttribute(attributes, key, Array.isArray(member) ? (member.slice() as AttributeValue) : member);
  }
  return attributes;
}

function isAttributeValue(value: unknown): value is AttributeValue {
  if (!Array.isArray(value)) return isSimple(value);
  const type = typeof value[0];
  for (let index = 0; index < value.length; index += 1) {
    const element: unknown = value[index];
    if (typeof element !== type || !isSimple(element)) return false;
  }
  return true;
}

function isSimple(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Assignment would call the setter of Object.prototype for this one key; it is plain data here. */
export function setAttribute(attributes: Attributes, key: string, value: AttributeValue): void {
  if (key !== '__proto__') attributes[key] = value;
  else Object.defineProperty(attributes, key, { value, enumerable: true, configurable: true, writable: true });
}

function wrong(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
