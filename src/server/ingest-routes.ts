import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { formatCursor, type Position } from '../activity/cursor.ts';
import type { Redactor } from '../activity/redaction.ts';
import type { AppendRequest, Bus } from '../bus/bus.ts';
import { type ErrorCode, type ErrorDetails, LivespanError } from '../errors.ts';
import { type IngestBatch, parseIngestJson, parseIngestLines } from './ingest-body.ts';
import { type ItemDefaults, prepareItem } from './ingest-item.ts';
import { mediaType, takesBodies } from './media-type.ts';
import { readQuery } from './query.ts';

/** Figures of the door; every counter only grows. */
export interface IngestFigures {
  requests: number;
  accepted: number;
  duplicates: number;
  rejected: Partial<Record<ErrorCode, number>>;
  /** Requests that the log refused or could not take. */
  failed: Partial<Record<ErrorCode, number>>;
}

interface IngestAnswer {
  accepted: number;
  rejected: { index: number; code: ErrorCode; message: string }[];
  /** The whole request had been applied before. */
  duplicate?: true;
  first?: string;
  last?: string;
}

/** What one append takes. */
const APPEND_COUNT_MAX = 128;
const JSON_TYPE = 'application/json';
const LINES_TYPE = 'application/x-ndjson';
const ENVELOPE = ['producer', 'batch', 'acked', 'instance', 'service', 'sign'] as const;

export function createIngestFigures(): IngestFigures {
  return { requests: 0, accepted: 0, duplicates: 0, rejected: {}, failed: {} };
}

/** `POST /ingest`: activities into the log; bad ones are named in the answer and do not cost the others. */
export function addIngestRoute(
  app: FastifyInstance,
  parts: { bus: Bus; redactor: Redactor; figures: IngestFigures },
): void {
  app.post('/ingest', { onRequest: takesBodies([JSON_TYPE, LINES_TYPE]) }, async (request, reply) => {
    parts.figures.requests += 1;
    const text = String(request.body ?? '');
    const query = readQuery(request.query, mediaType(request) === LINES_TYPE ? ENVELOPE : []);
    const batch = mediaType(request) === LINES_TYPE ? parseIngestLines(text, query) : parseIngestJson(text);
    const { jsons, rejected } = prepare(batch, parts.redactor);
    for (const { code } of rejected) parts.figures.rejected[code] = (parts.figures.rejected[code] ?? 0) + 1;
    const result = await appendAll(parts.bus, batch, jsons, parts.figures);
    const answer: IngestAnswer = { accepted: jsons.length, rejected, ...result };
    return reply.header('cache-control', 'no-store').send(answer);
  });
}

function prepare(batch: IngestBatch, redactor: Redactor): { jsons: string[]; rejected: IngestAnswer['rejected'] } {
  const defaults: ItemDefaults = {
    redactor,
    nowMs: Date.now(),
    ...(batch.service !== undefined && { service: batch.service }),
    ...(batch.instance !== undefined && { instance: batch.instance.name }),
  };
  const jsons: string[] = [];
  const rejected: IngestAnswer['rejected'] = [];
  for (const [index, item] of batch.items.entries()) {
    const prepared =
      'value' in item
        ? prepareItem(item.value, defaults)
        : ({ ok: false, code: 'invalid_activity', message: item.unreadable } as const);
    if (prepared.ok) jsons.push(prepared.json);
    else rejected.push({ index, code: prepared.code, message: prepared.message });
  }
  return { jsons, rejected };
}

/**
 * One append for each 128 activities. The first carries the batch's number, and with it the check of the order; the
 * others carry a digest of number and place, so that a resent request adds exactly what is missing.
 */
async function appendAll(
  bus: Bus,
  batch: IngestBatch,
  jsons: readonly string[],
  figures: IngestFigures,
): Promise<Omit<IngestAnswer, 'accepted' | 'rejected'>> {
  if (jsons.length === 0 && batch.producer === undefined && batch.instance === undefined) return {};
  let first: Position | undefined;
  let last: Position | undefined;
  let duplicate = true;
  for (let at = 0; at === 0 || at < jsons.length; at += APPEND_COUNT_MAX) {
    const activities = jsons.slice(at, at + APPEND_COUNT_MAX);
    const result = await bus.append({ activities, ...numbering(batch, at) });
    if (result.outcome === 'out_of_order' || result.outcome === 'failed') {
      throw refusal(result.outcome === 'failed' ? result : { last: result.last }, at, figures);
    }
    first ??= result.first;
    last = result.last ?? last;
    if (result.outcome === 'appended') {
      duplicate = false;
      figures.accepted += activities.length;
    } else {
      figures.duplicates += activities.length;
    }
  }
  return {
    ...(duplicate && { duplicate: true }),
    ...(first && { first: formatCursor(first) }),
    ...(last && { last: formatCursor(last) }),
  };
}

function numbering(batch: IngestBatch, at: number): Omit<AppendRequest, 'activities'> {
  const { producer, instance } = batch;
  if (at === 0) return { ...(producer && { producer }), ...(instance && { instance }) };
  if (producer === undefined) return {};
  const place = JSON.stringify(['ingest', producer.id, producer.batch, at]);
  return { digest: createHash('sha256').update(place).digest('hex').slice(0, 32) };
}

function refusal(
  reason: { last: number } | { error: LivespanError; applied: 'no' | 'unknown' },
  accepted: number,
  figures: IngestFigures,
): LivespanError {
  const code = 'last' in reason ? 'out_of_order' : reason.error.code;
  figures.failed[code] = (figures.failed[code] ?? 0) + 1;
  if ('last' in reason) {
    const sentence = `The next batch this log takes from that producer is ${reason.last + 1}`;
    return new LivespanError('out_of_order', sentence, { details: { last: reason.last } });
  }
  const details: ErrorDetails = { ...reason.error.details, accepted, applied: reason.applied };
  return new LivespanError(code, reason.error.message, { cause: reason.error, details });
}
