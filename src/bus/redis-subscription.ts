import { AsyncLocalStorage } from 'node:async_hooks';
import { splitCursor } from '../activity/codec.ts';
import { parseCursor } from '../activity/cursor.ts';
import { log } from '../diag.ts';
import { LivespanError } from '../errors.ts';
import type { BusListener, BusSubscription } from './bus.ts';
import type { RedisAddress } from './redis-address.ts';
import { createConnection, type RedisConnection } from './redis-connection.ts';
import { isErrorReply, isPermission } from './redis-failure.ts';
import { openSignedIn, type SignInOptions } from './redis-handshake.ts';
import type { RedisLink } from './redis-link.ts';

/** A connection can be alive but deaf: it is asked this often. */
const PING_PERIOD_MS = 5_000;

export interface SubscriptionOptions {
  address: RedisAddress;
  channel: string;
  link: SignInOptions;
  pingPeriodMs?: number;
}

/** The one subscription of a bus, opened with its first listener and closed with its last. */
export interface RedisSubscription {
  subscribe(listener: BusListener): Promise<BusSubscription>;
  close(): Promise<void>;
}

export function createRedisSubscription(options: SubscriptionOptions): RedisSubscription {
  const { address, channel, link: linkOptions, pingPeriodMs = PING_PERIOD_MS } = options;
  const listeners = new Set<BusListener>();
  let connection: RedisConnection | undefined;

  const tell = (call: (listener: BusListener) => void): void => {
    for (const listener of listeners) {
      try {
        call(listener);
      } catch (error) {
        log.error('a subscriber of the log failed', error);
      }
    }
  };
  const onMessage = (message: string): void => {
    const split = splitCursor(message);
    const position = split === undefined ? undefined : parseCursor(split.cursor);
    if (split === undefined || position === undefined || position.n === 0) {
      tell((listener) => listener.onForeign?.());
      return;
    }
    const entry = { position, json: split.json };
    tell((listener) => listener.onEntry(entry));
  };

  const watch = (link: RedisLink): void => {
    const timer = setInterval(() => {
      // One that is not answered in time closes the link; the connection then opens the next.
      link.call('ping', []).catch((error: unknown) => log.debug('the subscription did not answer a PING', error));
    }, pingPeriodMs);
    if (!linkOptions.keepAlive) timer.unref();
    void link.closed.then(() => clearInterval(timer));
  };
  const open = (signal: AbortSignal): Promise<RedisLink> =>
    openSignedIn(address, { ...linkOptions, onMessage, signal }, async (link) => {
      await link.call('subscribe', [channel]).catch((error: unknown) => {
        if (!isErrorReply(error) || !isPermission(error.message)) throw error;
        throw new LivespanError(
          'log_refused',
          `the Redis user at ${address.label} may not SUBSCRIBE to ${channel}: grant +subscribe and &${channel}`,
        );
      });
    });
  const connect = (): RedisConnection => {
    let wasUp = false;
    return createConnection({
      open,
      keepAlive: linkOptions.keepAlive,
      onChange(link, reason) {
        if (link !== undefined) watch(link);
        if (wasUp) tell((listener) => listener.onConnected(link !== undefined, reason));
        wasUp = true;
      },
    });
  };
  const leave = async (listener: BusListener): Promise<void> => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    const last = connection;
    connection = undefined;
    await last?.close();
  };

  return {
    async subscribe(listener) {
      const own = inOwnContext(listener);
      connection ??= connect();
      const waiting = connection;
      listeners.add(own);
      try {
        await waiting.ready();
      } catch (error) {
        await leave(own);
        throw error;
      }
      return { close: () => leave(own) };
    },
    async close() {
      listeners.clear();
      const last = connection;
      connection = undefined;
      await last?.close();
    },
  };
}

/** The listener, called in the async context of whoever subscribed and not in that of our socket. */
function inOwnContext(listener: BusListener): BusListener {
  const run = AsyncLocalStorage.snapshot();
  return {
    onEntry: (entry) => run(() => listener.onEntry(entry)),
    onConnected: (connected, error) => run(() => listener.onConnected(connected, error)),
    onForeign: () => run(() => listener.onForeign?.()),
  };
}
