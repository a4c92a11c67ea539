import type { Position } from '../activity/cursor.ts';
import { checkAppendRequest, checkRangeQuery, checkSilence } from './append-request.ts';
import { createBatchLedger } from './batch-ledger.ts';
import type { AppendRequest, AppendResult, Bus, BusInfo, BusListener, BusStatus } from './bus.ts';
import { closedError, givenUpError } from './bus-errors.ts';
import { instanceNotice } from './instance-notice.ts';
import { createInstanceRegister } from './instance-register.ts';
import { type EntryLimits, MemoryEntries } from './memory-entries.ts';
import { createMemorySubscription, type MemorySubscription } from './memory-subscription.ts';

export interface MemoryBusOptions extends Partial<EntryLimits> {
  /** The new log's epoch is greater than this, ms: the newest log time of an older log of the same name. */
  afterMs?: number;
  /** Wall clock, ms since the Unix epoch. */
  now?: () => number;
}

export interface MemoryBus extends Bus {
  readonly limits: Readonly<EntryLimits>;
  /** Log time of the newest entry, else the epoch. */
  readonly newestMs: number;
}

const CONNECTED: BusStatus = Object.freeze({ connected: true, warnings: Object.freeze([]) });

/** The embedded log: this process alone, bounded, gone with the process. It obeys every rule of the contract. */
export function createMemoryBus(options: MemoryBusOptions = {}): MemoryBus {
  const now = options.now ?? Date.now;
  const entries = new MemoryEntries({
    countMax: options.countMax ?? 100_000,
    bytesMax: options.bytesMax ?? 256 * 1_048_576,
    ageMaxMs: options.ageMaxMs ?? 0,
  });
  const ledger = createBatchLedger();
  const instances = createInstanceRegister();
  const subscriptions = new Set<MemorySubscription>();
  const epoch = Math.max(now(), (options.afterMs ?? 0) + 1);
  let logMs = epoch;
  let newestMs = epoch;
  let closed = false;

  /** Log time: the wall clock, which may be set back, made to never go back. */
  const tick = (): number => {
    logMs = Math.max(logMs, now());
    return logMs;
  };
  const write = (json: string, ms: number): void => {
    entries.push(ms, json);
    newestMs = ms;
  };
  const publish = (ms: number): void => {
    entries.trim(ms);
    for (const subscription of subscriptions) subscription.wake();
  };
  const mustBeOpen = (): void => {
    if (closed) throw closedError();
  };

  const append = (request: AppendRequest): AppendResult => {
    const { activities, producer, digest, instance } = request;
    const ms = tick();
    if (producer !== undefined) {
      const refusal = ledger.judge(producer.id, producer.batch, producer.acked, ms);
      if (refusal !== undefined) return refusal;
    }
    if (digest !== undefined && ledger.hasSeen(digest, ms)) {
      if (producer !== undefined) ledger.record(producer.id, { batch: producer.batch, ms, first: 0, last: 0 }, ms);
      return { outcome: 'duplicate' };
    }
    const before = entries.lastN;
    if (instance !== undefined) {
      const { name, service } = instance;
      if (instances.isBack(instance)) {
        write(instanceNotice({ name: 'livespan.instance_back', instance: name, service, nowMs: ms }), ms);
      }
      instances.note(instance, ms);
    }
    const first = entries.lastN + 1;
    for (const json of activities) write(json, ms);
    const last = entries.lastN;
    const wrote = last >= first;
    if (producer !== undefined) {
      ledger.record(producer.id, { batch: producer.batch, ms, first: wrote ? first : 0, last: wrote ? last : 0 }, ms);
    }
    if (digest !== undefined) ledger.see(digest, ms);
    if (last > before) publish(ms);
    if (!wrote) return { outcome: 'appended', unpublished: 0 };
    return { outcome: 'appended', first: { ms, n: first }, last: { ms, n: last }, unpublished: 0 };
  };

  return {
    description: 'memory',
    limits: entries.limits,
    get newestMs() {
      return newestMs;
    },
    async ready() {
      mustBeOpen();
    },
    status: () => (closed ? { connected: false, problem: closedError(), warnings: [] } : CONNECTED),
    async append(request) {
      const error = closed
        ? closedError()
        : (checkAppendRequest(request) ?? (request.signal?.aborted ? givenUpError() : undefined));
      return error === undefined ? append(request) : { outcome: 'failed', error, applied: 'no' };
    },
    async range(query) {
      mustBeOpen();
      checkRangeQuery(query);
      if (query.signal?.aborted) throw givenUpError();
      entries.trim(tick());
      return entries.range(query);
    },
    async subscribe(listener: BusListener) {
      mustBeOpen();
      const subscription = createMemorySubscription(entries, listener);
      subscriptions.add(subscription);
      return {
        async close() {
          subscription.close();
          subscriptions.delete(subscription);
        },
      };
    },
    async info(probe?: Position): Promise<BusInfo> {
      mustBeOpen();
      const timeMs = tick();
      entries.trim(timeMs);
      return {
        epoch,
        last: { ms: newestMs, n: entries.lastN },
        ...(entries.count === 0 ? {} : { first: entries.positionAt(entries.firstN) }),
        length: entries.count,
        bytes: entries.bytes,
        ...(probe === undefined ? {} : { probe: entries.holds(probe) ? 'present' : 'absent' }),
        timeMs,
        instances: instances.count,
      };
    },
    async sweepInstances(silentMs) {
      mustBeOpen();
      checkSilence(silentMs);
      const ms = tick();
      const lost = instances.sweep(silentMs, ms);
      for (const { name, service, lifeMs } of lost) {
        const silence = { limitMs: silentMs, ms: ms - lifeMs };
        write(instanceNotice({ name: 'livespan.instance_lost', instance: name, service, nowMs: ms, silence }), ms);
      }
      publish(ms);
      return { lost: lost.map(({ name }) => name) };
    },
    async close() {
      closed = true;
      for (const subscription of subscriptions) subscription.close();
      subscriptions.clear();
    },
  };
}
