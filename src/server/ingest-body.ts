import { LivespanError } from '../errors.ts';
import { faultText, findJsonFault } from './json-fault.ts';

/** One member of a batch: a value still to be checked, or why there is none. */
type IngestItem = { value: unknown } | { unreadable: string };

/** A request to `POST /ingest`, checked but for its activities. */
export interface IngestBatch {
  items: IngestItem[];
  producer?: { id: string; batch: number; acked: number };
  instance?: { name: string; service?: string; sign: 'started' | 'alive' | 'stopped' };
  /** `service` of the sender, for activities that name none. */
  service?: string;
}

/** Activities one request may carry; each 128 of them are one append. */
const ITEMS_MAX = 10_000;
const NAME = /^[\x21-\x7e]{1,200}$/;
const SIGNS = ['started', 'alive', 'stopped'] as const;

/** `{ "activities": […], producer?, batch?, acked?, instance?, service?, sign? }` */
export function parseIngestJson(text: string): IngestBatch {
  const body = parseObject(text);
  if (body.traces !== undefined && body.activities === undefined) {
    throw refuse('traces', 'this server takes activities only');
  }
  const activities = body.activities ?? (body.instance === undefined ? undefined : []);
  if (!Array.isArray(activities)) throw refuse('activities', 'must be an array of activities');
  return envelope(
    activities.map((value: unknown) => ({ value })),
    body,
  );
}

/** One activity a line; what the JSON body has beside the activities comes as query parameters. */
export function parseIngestLines(text: string, query: Partial<Record<string, string>>): IngestBatch {
  const items: IngestItem[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    // The index counts lines that are not blank; one broken line does not cost the others.
    try {
      items.push({ value: JSON.parse(line) });
    } catch {
      items.push({ unreadable: `not valid JSON${faultText(findJsonFault(line))}` });
    }
  }
  return envelope(items, { ...query, batch: toNumber(query.batch), acked: toNumber(query.acked) });
}

function envelope(items: IngestItem[], members: Record<string, unknown>): IngestBatch {
  if (items.length > ITEMS_MAX) {
    throw new LivespanError('payload_too_large', `activities: more than ${ITEMS_MAX} in one request`, {
      details: { parameter: 'activities', limit: ITEMS_MAX },
    });
  }
  const service = optionalText(members, 'service', (text) => text.length <= 200);
  const producer = readProducer(members);
  const instance = readInstance(members, service);
  return {
    items,
    ...(producer && { producer }),
    ...(instance && { instance }),
    ...(service !== undefined && { service }),
  };
}

function readProducer(members: Record<string, unknown>): IngestBatch['producer'] {
  const id = optionalText(members, 'producer', (text) => NAME.test(text));
  if (id === undefined) {
    if (members.batch === undefined && members.acked === undefined) return undefined;
    throw refuse('producer', 'must be given where batch or acked is');
  }
  const batch = wholeNumber(members, 'batch', 1);
  const acked = members.acked === undefined ? 0 : wholeNumber(members, 'acked', 0);
  if (acked >= batch) throw refuse('acked', 'must be lower than batch');
  return { id, batch, acked };
}

function readInstance(members: Record<string, unknown>, service: string | undefined): IngestBatch['instance'] {
  const name = optionalText(members, 'instance', (text) => NAME.test(text));
  const given = members.sign ?? 'alive';
  const sign = SIGNS.find((candidate) => candidate === given);
  if (sign === undefined) throw refuse('sign', `must be one of ${SIGNS.join(', ')}`);
  if (name !== undefined) return { name, sign, ...(service !== undefined && { service }) };
  if (members.sign !== undefined) throw refuse('instance', 'must be given where sign is');
  return undefined;
}

function optionalText(
  members: Record<string, unknown>,
  name: string,
  valid: (text: string) => boolean,
): string | undefined {
  const value = members[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && valid(value)) return value;
  throw refuse(name, 'must be a text of 1 to 200 characters (producer and instance: printable, without spaces)');
}

function wholeNumber(members: Record<string, unknown>, name: string, min: number): number {
  const value = members[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
  throw refuse(name, `must be a whole number, ${min} or more`);
}

function toNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    throw new LivespanError('invalid_request', `The body is not valid JSON${faultText(fault)}`, {
      details: fault === undefined ? {} : { line: fault.line, column: fault.column },
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new LivespanError('invalid_request', 'The body must be a JSON object with a member activities');
}

function refuse(parameter: string, sentence: string): LivespanError {
  return new LivespanError('invalid_request', `${parameter}: ${sentence}`, { details: { parameter } });
}
