import type { Bus, BusStatus, BusSubscription } from './bus.ts';
import { closedError } from './bus-errors.ts';
import { createMemoryBus, type MemoryBus } from './memory-bus.ts';
import type { EntryLimits } from './memory-entries.ts';

interface SharedLog {
  bus: MemoryBus;
  users: number;
}

interface Registry {
  /** By feed name. */
  open: Map<string, SharedLog>;
  /** Newest log time of those closed: one that is opened again is another log, with a greater epoch. */
  closedMs: number;
}

/**
 * The embedded log of a feed, one a process: the SDK, the server and readers in it share it, also across two copies of
 * the package. It lives from its first user to its last `close()`; its first user's limits hold.
 */
export function shareMemoryBus(feed: string, limits: Partial<EntryLimits>): Bus {
  const registry = sharedRegistry();
  const shared = registry.open.get(feed) ?? {
    bus: createMemoryBus({ ...limits, afterMs: registry.closedMs }),
    users: 0,
  };
  registry.open.set(feed, shared);
  shared.users++;
  return createHandle(shared.bus, limits, async () => {
    if (--shared.users > 0) return;
    registry.open.delete(feed);
    registry.closedMs = Math.max(registry.closedMs, shared.bus.newestMs);
    await shared.bus.close();
  });
}

function sharedRegistry(): Registry {
  const key = Symbol.for('livespan.1');
  const holder = globalThis as { [key]?: { memoryLogs?: Registry } };
  holder[key] ??= {};
  holder[key].memoryLogs ??= { open: new Map(), closedMs: 0 };
  return holder[key].memoryLogs;
}

/** One user's door to the shared log; closing it leaves the others alone. */
function createHandle(bus: MemoryBus, asked: Partial<EntryLimits>, release: () => Promise<void>): Bus {
  const subscriptions = new Set<BusSubscription>();
  const warnings = differences(bus.limits, asked);
  let closed = false;
  const whileOpen = async <T>(call: () => Promise<T>): Promise<T> => {
    if (closed) throw closedError();
    return call();
  };
  return {
    description: bus.description,
    limits: bus.limits,
    ready: () => whileOpen(() => bus.ready()),
    status: (): BusStatus =>
      closed ? { connected: false, problem: closedError(), warnings } : { ...bus.status(), warnings },
    append: (request) =>
      closed ? Promise.resolve({ outcome: 'failed', error: closedError(), applied: 'no' }) : bus.append(request),
    range: (query) => whileOpen(() => bus.range(query)),
    subscribe: (listener) =>
      whileOpen(async () => {
        const subscription = await bus.subscribe(listener);
        subscriptions.add(subscription);
        return {
          close() {
            subscriptions.delete(subscription);
            return subscription.close();
          },
        };
      }),
    info: (probe) => whileOpen(() => bus.info(probe)),
    sweepInstances: (silentMs) => whileOpen(() => bus.sweepInstances(silentMs)),
    async close() {
      if (closed) return;
      closed = true;
      for (const subscription of subscriptions) await subscription.close();
      await release();
    },
  };
}

function differences(held: Readonly<EntryLimits>, asked: Partial<EntryLimits>): string[] {
  const names = (['countMax', 'bytesMax', 'ageMaxMs'] as const).filter(
    (name) => (asked[name] ?? held[name]) !== held[name],
  );
  return names.map(
    (name) =>
      `the embedded log was opened before with ${name} ${held[name]}, which stays; ${asked[name]} was asked for`,
  );
}
