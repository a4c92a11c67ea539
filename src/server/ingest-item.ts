import { randomBytes } from 'node:crypto';
import type { Activity, Attributes } from '../activity/activity.ts';
import { checkActivity, encodeActivity } from '../activity/codec.ts';
import { FLATTEN_LIMITS, flatten, noCuts } from '../activity/flatten.ts';
import { REDACTED, type Redactor } from '../activity/redaction.ts';
import { formatTimeUs, parseTimeUs } from '../activity/time.ts';
import type { ErrorCode } from '../errors.ts';

/** The largest activity an SDK can be configured to send. */
const ACTIVITY_BYTES_MAX = 1_048_576;

export type PreparedItem = { ok: true; json: string } | { ok: false; code: ErrorCode; message: string };

/** What an activity gets where its sender left it out. */
export interface ItemDefaults {
  redactor: Redactor;
  nowMs: number;
  service?: string;
  instance?: string;
}

/**
 * One activity as it goes into the log. An SDK's is complete and only checked; one written by hand may leave out what the
 * server can tell (id, time, severity, kind, service) and nest its attributes.
 */
export function prepareItem(value: unknown, defaults: ItemDefaults): PreparedItem {
  let checked = checkActivity(value);
  if (!checked.ok && isRecord(value)) checked = checkActivity(complete(value, defaults));
  if (!checked.ok) return { ok: false, code: 'invalid_activity', message: checked.reason };
  const json = encodeActivity(redact(withSender(checked.activity, defaults), defaults.redactor));
  if (json.length <= ACTIVITY_BYTES_MAX / 3 || Buffer.byteLength(json) <= ACTIVITY_BYTES_MAX) return { ok: true, json };
  return { ok: false, code: 'payload_too_large', message: `larger than ${ACTIVITY_BYTES_MAX} bytes` };
}

function complete(value: Record<string, unknown>, defaults: ItemDefaults): Record<string, unknown> {
  // Clients in other languages write an absent member as null.
  const given = Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
  const time = given.time === undefined ? formatTimeUs(defaults.nowMs * 1_000) : toMicroseconds(given.time);
  const attributes = isRecord(given.attributes) ? flat(given.attributes, defaults.redactor) : given.attributes;
  return {
    kind: 'event',
    severity: 'info',
    id: uuidV7(typeof time === 'string' ? (parseTimeUs(time) ?? 0) / 1_000 : defaults.nowMs),
    ...given,
    ...lowerCased(given, ['id', 'traceId', 'spanId', 'parentSpanId']),
    time,
    attributes: attributes ?? {},
  };
}

function flat(attributes: Record<string, unknown>, redactor: Redactor): Attributes {
  return flatten(attributes, { limits: FLATTEN_LIMITS, redactor, counts: noCuts() }).attributes;
}

function lowerCased(given: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of names) {
    const text = given[name];
    if (typeof text === 'string') texts[name] = text.toLowerCase();
  }
  return texts;
}

/** Any ISO 8601 time with a zone, as UTC with 6 decimals; what is none is left for the check to refuse. */
function toMicroseconds(time: unknown): unknown {
  if (typeof time !== 'string') return time;
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (!Number.isFinite(ms) || ms < 0) return time;
  return formatTimeUs(ms * 1_000 + Number((match?.[2] ?? '').padEnd(6, '0').slice(0, 6)));
}

function withSender(activity: Activity, defaults: ItemDefaults): Activity {
  const { service, instance } = defaults;
  if (service !== undefined) activity.service ??= service;
  if (instance !== undefined) activity.instance ??= instance;
  return activity;
}

/** The SDK has redacted before it sent; others may not have. */
function redact(activity: Activity, redactor: Redactor): Activity {
  for (const [key, value] of Object.entries(activity.attributes)) {
    if (redactor.isSecret(key, value)) activity.attributes[key] = REDACTED;
  }
  return activity;
}

/** RFC 9562, section 5.7. */
function uuidV7(ms: number): string {
  const time = Math.trunc(ms).toString(16).padStart(12, '0');
  const random = randomBytes(10).toString('hex');
  const variant = (8 + (Number.parseInt(random.charAt(3), 16) % 4)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(8)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
