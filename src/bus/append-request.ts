import { LivespanError } from '../errors.ts';
import type { AppendRequest, RangeQuery } from './bus.ts';

/** Activities one append may carry: it holds up a Redis for about 0.4 ms. */
export const BATCH_COUNT_MAX = 128;
export const RANGE_LIMIT_MAX = 1_000;
/** How long a producer's last number is remembered. */
export const PRODUCER_LIFE_MS = 86_400_000;
/** Batches of a producer whose positions are remembered; twice what it may have in flight. */
export const PRODUCER_BATCHES_KEPT = 8;
/** How long, and how many, digests of OTLP chunks are remembered. */
export const SEEN_LIFE_MS = 600_000;
export const SEEN_COUNT_MAX = 100_000;
/** Instances that may be registered at once; further ones are not watched. */
export const INSTANCES_MAX = 10_000;
/** Instances that one turn of the watch may find lost; the next turn goes on. */
export const LOST_A_TURN_MAX = 128;

const PRODUCER_ID = /^[\x21-\x7e]{1,200}$/;
const INSTANCE_NAME = /^[\x21-\x7e]{1,200}$/;
const DIGEST = /^[0-9a-f]{16,128}$/;
const OPEN_BRACE = 123;

/** What is wrong with the request, or nothing. */
export function checkAppendRequest(request: AppendRequest): LivespanError | undefined {
  const { activities, producer, digest, instance } = request;
  if (activities.length > BATCH_COUNT_MAX) return invalid(`at most ${BATCH_COUNT_MAX} activities go into one append`);
  for (const json of activities) {
    if (json.charCodeAt(0) !== OPEN_BRACE || json.length < 3) return invalid('an activity is the JSON of one object');
  }
  if (producer !== undefined) {
    const { id, batch, acked } = producer;
    if (!PRODUCER_ID.test(id)) return invalid('a producer id is 1 to 200 printable characters without spaces');
    if (!Number.isSafeInteger(batch) || batch < 1) return invalid('batch numbers count 1, 2, 3 …');
    if (!Number.isSafeInteger(acked) || acked < 0 || acked >= batch) return invalid('acked is a number below batch');
  }
  if (digest !== undefined && !DIGEST.test(digest)) return invalid('a digest is 16 to 128 lowercase hex characters');
  if (instance !== undefined && !INSTANCE_NAME.test(instance.name)) {
    return invalid('an instance name is 1 to 200 printable characters without spaces');
  }
  return undefined;
}

/** @throws LivespanError `invalid_request` */
export function checkRangeQuery(query: RangeQuery): void {
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > RANGE_LIMIT_MAX) {
    throw invalid(`limit is a whole number from 1 to ${RANGE_LIMIT_MAX}`);
  }
}

/** @throws LivespanError `invalid_request` */
export function checkSilence(silentMs: number): void {
  if (!Number.isFinite(silentMs) || silentMs <= 0) throw invalid('silentMs is a time greater than 0');
}

function invalid(message: string): LivespanError {
  return new LivespanError('invalid_request', message);
}
