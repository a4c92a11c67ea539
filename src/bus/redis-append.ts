import type { Position } from '../activity/cursor.ts';
import { LivespanError } from '../errors.ts';
import type { AppendRequest, AppendResult } from './bus.ts';
import type { RedisKeys } from './redis-keys.ts';

/** What the log keeps: a lower bound of entries, and an age in ms (0: any). */
export interface Retention {
  countMax: number;
  ageMaxMs: number;
}

const NO_PRODUCER = '-';

/** KEYS of the append script, in its order. */
export function appendKeys(keys: RedisKeys, request: AppendRequest): string[] {
  const producer = keys.producer + (request.producer?.id ?? NO_PRODUCER);
  return [keys.stream, keys.meta, producer, keys.seen, keys.instances, keys.services];
}

/** ARGV of the append script, in its order. */
export function appendArgs(
  { activities, producer, digest, instance }: AppendRequest,
  newestMs: number,
  channel: string,
  { countMax, ageMaxMs }: Retention,
): (string | number)[] {
  const args: (string | number)[] = [
    newestMs,
    channel,
    countMax,
    ageMaxMs,
    producer?.batch ?? 0,
    producer?.acked ?? 0,
    digest ?? '',
    instance?.name ?? '',
    instance?.service ?? '',
    instance?.sign ?? '',
  ];
  for (const json of activities) args.push(json);
  return args;
}

/** The append script's reply; `why` is Redis' sentence where PUBLISH was refused. */
export function readAppendReply(reply: unknown): { result: AppendResult; why: string } {
  const [code, ms, first, last, unpublished, why] = asArray(reply);
  switch (code) {
    case 0:
      return {
        result: { outcome: 'appended', ...span(ms, first, last), unpublished: asNumber(unpublished) },
        why: String(why),
      };
    case 1:
      return { result: { outcome: 'duplicate', ...span(ms, first, last) }, why: '' };
    case 2:
      return { result: { outcome: 'out_of_order', last: asNumber(ms) }, why: '' };
    default:
      throw unexpected();
  }
}

function span(ms: unknown, first: unknown, last: unknown): { first?: Position; last?: Position } {
  if (first === 0) return {};
  return { first: { ms: asNumber(ms), n: asNumber(first) }, last: { ms: asNumber(ms), n: asNumber(last) } };
}

export function asArray(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unexpected();
  return reply;
}

export function asNumber(value: unknown): number {
  if (typeof value !== 'number') throw unexpected();
  return value;
}

function unexpected(): LivespanError {
  return new LivespanError('internal', 'Redis gave an answer that the log does not know');
}
