import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { AbstractConnector, Redis } from 'ioredis';
import { LivespanError } from '../errors.ts';
import { closedError } from './bus-errors.ts';
import { formatHost, type HostPort } from './redis-address.ts';
import { isErrorReply, redisFailure } from './redis-failure.ts';
import type { RedisScript } from './redis-scripts.ts';

export interface LinkOptions {
  target: HostPort;
  tls: boolean;
  /** Limit of the connect and of each command, ms. */
  timeLimitMs: number;
  /** Whether the socket keeps the process alive. */
  keepAlive: boolean;
  onMessage?: (message: string) => void;
  /** Closes the link, also one that is still being made. */
  signal?: AbortSignal;
}

/** One connection. It is made once, never comes back, and resends nothing. */
export interface RedisLink {
  /** `host:port`, for people. */
  readonly label: string;
  /** The reason, once it is closed. */
  readonly closed: Promise<LivespanError>;
  /**
   * One command. Rejects with Redis' error reply as it is, else with a LivespanError. One that is not answered in time
   * closes the connection BEFORE it rejects, so that nothing of it is applied behind what the caller does next.
   */
  call(command: string, args: readonly (string | number)[]): Promise<unknown>;
  /** EVALSHA; the whole script where Redis does not have it (it forgets scripts at a restart, a failover and SCRIPT FLUSH). */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  close(reason: LivespanError): void;
}

// Our own traffic must not be traced: an instrumented ioredis would put every append on the feed again.
const UNTRACED = suppressTracing(ROOT_CONTEXT);

export function untraced<T>(work: () => T): T {
  return context.with(UNTRACED, work);
}

/** @throws LivespanError why the connection could not be made */
export async function openLink(options: LinkOptions): Promise<RedisLink> {
  const label = formatHost(options.target);
  const link = untraced(() => createLink(label, options));
  await link.connected;
  return link;
}

function createLink(label: string, options: LinkOptions): RedisLink & { connected: Promise<void> } {
  const { timeLimitMs, keepAlive, onMessage, signal } = options;
  let socket: Socket | undefined;
  let reason: LivespanError | undefined;
  let settle: (reason: LivespanError) => void;
  const closed = new Promise<LivespanError>((resolve) => {
    settle = resolve;
  });
  const client = new Redis({
    lazyConnect: true,
    protocol: 2,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    retryStrategy: null,
    maxRetriesPerRequest: null,
    connectTimeout: timeLimitMs,
    ...(options.tls ? { tls: {} } : {}),
    Connector: class extends SocketConnector {
      constructor() {
        super(() => {
          socket = openSocket(options);
          return socket;
        });
      }
    },
  });

  const close = (why: LivespanError): void => {
    if (reason !== undefined) return;
    reason = why;
    if (socket !== undefined) abort(socket);
    client.disconnect();
    signal?.removeEventListener('abort', onAbort);
    settle(why);
  };
  const onAbort = (): void => close(closedError());
  signal?.addEventListener('abort', onAbort, { once: true });
  client.on('error', (error: unknown) => close(redisFailure(error, label)));
  client.on('end', () => close(redisFailure(new Error('closed'), label)));
  if (onMessage !== undefined) client.on('message', (_channel: string, message: string) => onMessage(message));

  const call: RedisLink['call'] = (command, args) =>
    new Promise((resolve, reject) => {
      if (reason !== undefined) {
        reject(reason);
        return;
      }
      const timer = setTimeout(() => {
        const error = new LivespanError('timeout', `Redis at ${label} did not answer within ${timeLimitMs} ms`);
        close(error);
        reject(error);
      }, timeLimitMs);
      if (!keepAlive) timer.unref();
      untraced(() => client.call(command, [...args])).then(
        (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(isErrorReply(error) ? withoutCommand(error) : (reason ?? redisFailure(error, label)));
        },
      );
    });

  return {
    label,
    closed,
    connected: client.connect().catch((error: unknown) => {
      close(redisFailure(error, label));
      throw reason ?? redisFailure(error, label);
    }),
    call,
    run: async (script, keys, args) => {
      const tail = [keys.length, ...keys, ...args];
      try {
        return await call('EVALSHA', [script.sha, ...tail]);
      } catch (error) {
        if (!isErrorReply(error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return call('EVAL', [script.text, ...tail]);
      }
    },
    close,
  };
}

/** ioredis puts the command with all its arguments on an error reply: of an AUTH that is the password, of an append all activities. */
function withoutCommand(error: Error): Error {
  Reflect.deleteProperty(error, 'command');
  return error;
}

/** ioredis asks a connector for its socket; ours hands over one that need not keep the process alive, and is closed at once. */
class SocketConnector extends AbstractConnector {
  readonly #open: () => Socket;

  constructor(open: () => Socket) {
    super(0);
    this.#open = open;
  }

  override async connect(): Promise<Socket> {
    const socket = this.#open();
    socket.on('error', (error) => {
      this.firstError ??= error;
    });
    this.stream = socket;
    return socket;
  }

  override disconnect(): void {
    this.stream?.destroy();
  }
}

function openSocket({ target, tls, keepAlive }: LinkOptions): Socket {
  const { host, port } = target;
  const socket = tls
    ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) })
    : connectTcp({ host, port });
  if (!keepAlive) socket.unref();
  return socket;
}

/** With a reset where that is possible, so that what the peer has not read yet is thrown away there too. */
function abort(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket instanceof TLSSocket || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
