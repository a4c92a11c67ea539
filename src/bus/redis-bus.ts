import { formatCursor, parseCursor } from '../activity/cursor.ts';
import { LivespanError } from '../errors.ts';
import { checkAppendRequest, checkRangeQuery, checkSilence } from './append-request.ts';
import type { AppendRequest, AppendResult, Bus, BusInfo } from './bus.ts';
import { closedError, givenUpError } from './bus-errors.ts';
import { parseRedisUrl } from './redis-address.ts';
import { appendArgs, appendKeys, asArray, asNumber, type Retention, readAppendReply } from './redis-append.ts';
import { createConnection } from './redis-connection.ts';
import { isErrorReply, isReadOnly, redisFailure } from './redis-failure.ts';
import { checkServer, openSignedIn, type RedisFacts } from './redis-handshake.ts';
import { redisKeys } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import { rangeCommand, readRange } from './redis-range.ts';
import { APPEND_SCRIPT, INFO_SCRIPT, SWEEP_SCRIPT } from './redis-scripts.ts';
import { createRedisSubscription } from './redis-subscription.ts';

export interface RedisBusOptions {
  url: string;
  feed: string;
  retention: Retention;
  /** Whether sockets and timers keep the process alive. */
  keepAlive: boolean;
  /** Limit of a connect and of every command, ms. */
  timeLimitMs?: number;
  /** How often the subscription is asked whether it is still there, ms. */
  pingPeriodMs?: number;
}

const TIME_LIMIT_MS = 5_000;
/** A publisher tries again every 2 s: an append that was refused longer ago says nothing about now. */
const REFUSAL_AGE_MAX_MS = 10_000;

/**
 * The log in Redis ≥ 6.2 or Valkey (contract, "Redis layout"). Connects and reconnects by itself.
 *
 * The ACL user needs `~livespan:* ~{livespan:* &livespan:*` (or the same for another feed name) and `+hello +select +eval
 * +evalsha +subscribe +ping +publish +time +xadd +xtrim +xrange +xrevrange +xinfo|stream +hset +hget +hmget +hgetall
 * +hlen +hdel +pexpire +zadd +zscore +zremrangebyscore +zremrangebyrank`; with `+info` it is also warned of eviction.
 * @throws LivespanError `invalid_option` for a URL that cannot be read
 */
export function createRedisBus(options: RedisBusOptions): Bus {
  const { feed, retention, keepAlive, timeLimitMs = TIME_LIMIT_MS } = options;
  const address = parseRedisUrl(options.url);
  const { label } = address;
  const keys = redisKeys(feed, address.db);
  const link = { timeLimitMs, keepAlive };
  let facts: RedisFacts = { description: `redis at ${label}`, warnings: [] };
  let unpublishedWarning: string | undefined;
  /** Greatest log time seen: a log made anew must begin after it, also where Redis lost everything. */
  let newestMs = 0;
  /** What Redis answered to the newest append, where it took none of it. */
  let refusal: { error: LivespanError; atMs: number } | undefined;
  let closed = false;

  const connection = createConnection({
    keepAlive,
    open: (signal) =>
      openSignedIn(address, { ...link, signal }, async (opened) => {
        facts = await checkServer(opened, address, keys);
      }),
  });
  const subscription = createRedisSubscription({
    address,
    channel: keys.channel,
    link,
    ...(options.pingPeriodMs === undefined ? {} : { pingPeriodMs: options.pingPeriodMs }),
  });

  const problemNow = (): LivespanError =>
    closed
      ? closedError()
      : (connection.problem ?? new LivespanError('log_unavailable', `Redis at ${label} is not connected yet`));

  /** Whatever a call threw, told; a Redis that became a replica is left, so that the next connect finds the primary. */
  const failure = (thrown: unknown, used: RedisLink): LivespanError => {
    if (closed) return closedError();
    const error = redisFailure(thrown, label);
    if (isErrorReply(thrown) && isReadOnly(thrown.message)) used.close(error);
    return error;
  };
  const ask = async (call: (open: RedisLink) => Promise<unknown>, signal?: AbortSignal): Promise<unknown> => {
    const open = connection.link;
    if (open === undefined || closed) throw problemNow();
    try {
      return await givingUp(call(open), signal);
    } catch (error) {
      throw failure(error, open);
    }
  };

  const append = async (request: AppendRequest): Promise<AppendResult> => {
    const open = connection.link;
    const invalid = checkAppendRequest(request) ?? (request.signal?.aborted ? givenUpError() : undefined);
    if (invalid !== undefined) return { outcome: 'failed', error: invalid, applied: 'no' };
    if (open === undefined || closed) return { outcome: 'failed', error: problemNow(), applied: 'no' };
    try {
      const args = appendArgs(request, newestMs, keys.channel, retention);
      const reply = await givingUp(open.run(APPEND_SCRIPT, appendKeys(keys, request), args), request.signal);
      const { result, why } = readAppendReply(reply);
      refusal = undefined;
      if (result.outcome === 'appended') {
        if (result.last !== undefined) newestMs = Math.max(newestMs, result.last.ms);
        unpublishedWarning = result.unpublished > 0 ? unpublishedSentence(why) : undefined;
      }
      return result;
    } catch (thrown) {
      const error = failure(thrown, open);
      if (isErrorReply(thrown)) refusal = { error, atMs: performance.now() };
      return { outcome: 'failed', error, applied: isErrorReply(thrown) ? 'no' : 'unknown' };
    }
  };
  const refusedLately = (): LivespanError | undefined =>
    refusal !== undefined && performance.now() - refusal.atMs < REFUSAL_AGE_MAX_MS ? refusal.error : undefined;
  const unpublishedSentence = (why: string): string =>
    `Redis at ${label} logs activities but refuses to PUBLISH them on ${keys.channel}, so nothing is seen live: grant +publish and &${keys.channel} (${why})`;

  return {
    get description() {
      return facts.description;
    },
    limits: retention,
    ready: (signal) => (closed ? Promise.reject(closedError()) : connection.ready(signal)),
    status() {
      const warnings = unpublishedWarning === undefined ? facts.warnings : [...facts.warnings, unpublishedWarning];
      const connected = connection.link !== undefined && !closed;
      const problem = connected ? refusedLately() : problemNow();
      return { connected, ...(problem === undefined ? {} : { problem }), warnings };
    },
    append,
    async range(query) {
      checkRangeQuery(query);
      const { command, args } = rangeCommand(keys.stream, query);
      return readRange(await ask((open) => open.call(command, args), query.signal), query);
    },
    async subscribe(listener) {
      if (closed) throw closedError();
      return subscription.subscribe(listener);
    },
    async info(probe) {
      const wanted = [keys.stream, keys.meta, keys.instances];
      const args = [newestMs, probe === undefined ? '' : formatCursor(probe)];
      const info = readInfo(await ask((open) => open.run(INFO_SCRIPT, wanted, args)), probe !== undefined);
      newestMs = Math.max(newestMs, info.last.ms);
      return info;
    },
    async sweepInstances(silentMs) {
      checkSilence(silentMs);
      const watched = [keys.stream, keys.meta, keys.instances, keys.services];
      const args = [newestMs, keys.channel, retention.countMax, retention.ageMaxMs, Math.ceil(silentMs)];
      return { lost: asArray(await ask((open) => open.run(SWEEP_SCRIPT, watched, args))).map(String) };
    },
    async close() {
      closed = true;
      await Promise.all([connection.close(), subscription.close()]);
    },
  };
}

function readInfo(reply: unknown, probed: boolean): BusInfo {
  const [epoch, ms, n, length, timeMs, instances, found, firstId] = asArray(reply);
  const first = parseCursor(String(firstId));
  return {
    epoch: asNumber(epoch),
    last: { ms: asNumber(ms), n: asNumber(n) },
    ...(first === undefined ? {} : { first }),
    length: asNumber(length),
    ...(probed ? { probe: found === 1 ? 'present' : 'absent' } : {}),
    timeMs: asNumber(timeMs),
    instances: asNumber(instances),
  };
}

/** The answer, or a rejection as soon as the caller gives up; what was sent may still be done. */
function givingUp(answer: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(givenUpError());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    answer.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}
