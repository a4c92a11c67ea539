import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CliProcess, startCli, takePort } from '../../cli/cli-process.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../../support/redis.ts';
import type { AppCommand, AppOptions, AppReport } from './app.ts';
import { openLibraryReader, openStockReader, type Reader } from './reader.ts';

export interface WorldOptions extends Partial<Omit<AppOptions, 'url' | 'feed'>> {
  redisArgs?: string[];
  /** Name and password with which everybody signs in, `user:password`; the administrator needs none. */
  credentials?: string;
  /** No Redis: the server embeds the log, and the application sends to the server by HTTP. */
  embedded?: true;
  /** Done to Redis before anybody comes. */
  before?: (redis: RedisServer, feed: string) => Promise<unknown>;
}

export interface ServerProcess {
  readonly url: string;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Again on the same port. */
  start(): Promise<void>;
}

/** An application, a Redis, a server and readers, each for real; the fault is what the row does to them. */
export interface World {
  readonly redis: RedisServer;
  /** Between the application and Redis; everybody else goes straight. */
  readonly proxy: FaultProxy;
  readonly server: ServerProcess;
  readonly readers: Reader[];
  readonly feed: string;
  readonly rate: number;
  readonly embedded: boolean;
  report(): AppReport;
  tell(command: AppCommand): void;
  startServer(): Promise<ServerProcess>;
  /** Until so many more were published, and every reader has seen so many more. */
  moved(count?: number): Promise<void>;
  /** Until the application drops, and so many more. */
  dropping(count?: number): Promise<void>;
  until(condition: () => boolean | Promise<boolean>, what: string): Promise<void>;
  close(): Promise<void>;
}

const APP = join(import.meta.dirname, 'app.ts');
/** Compiling the sources takes half of the time in which the application starts. */
const COMPILE_CACHE = join(import.meta.dirname, '../../../node_modules/.cache/livespan-faults');
const WAIT_MS = 60_000;
const DEFAULTS = { rate: 1_000, queueCountMax: 20_000, paddingBytes: 0, closeTimeoutMs: 20_000 };
/** Seconds of load that `moved` waits for by default. */
const MOVED_SECONDS = 0.3;

export async function startWorld(options: WorldOptions): Promise<World> {
  const closing: (() => Promise<unknown> | unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    return await build(options, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  options: WorldOptions,
  closing: (() => Promise<unknown> | unknown)[],
  close: () => Promise<void>,
): Promise<World> {
  const { redisArgs, credentials, embedded, before, ...given } = options;
  const redis = await startRedis(redisArgs === undefined ? {} : { args: redisArgs });
  closing.push(() => redis.stop());
  const proxy = await startFaultProxy(redis.port);
  closing.push(() => proxy.close());
  const feed = uniqueFeed();
  await before?.(redis, feed);

  const login = credentials === undefined ? '' : `${credentials}@`;
  const startServer = async (): Promise<ServerProcess> => {
    const log = embedded ? 'memory:' : `redis://${login}127.0.0.1:${redis.port}`;
    const server = await createServerProcess(log, feed);
    closing.push(() => server.kill());
    return server;
  };
  const server = await startServer();
  const url = embedded ? server.url : `redis://${login}127.0.0.1:${proxy.port}`;
  const appOptions: AppOptions = { ...DEFAULTS, ...given, url, feed };
  const app = startApp(appOptions);
  closing.push(() => app.end());
  const readers = [
    openLibraryReader(server.url, 'openFeed'),
    openLibraryReader(server.url, 'openFeed, second'),
    openStockReader(server.url, 'eventsource'),
  ];
  closing.push(() => Promise.all(readers.map((reader) => reader.close())));
  await until(() => app.report() !== undefined, 'the application to start', describe);

  const report = (): AppReport => app.report() ?? EMPTY;
  function describe(): string {
    const seen = readers.map(({ name, audit }) => `${name} ${JSON.stringify(audit)}`);
    return `${JSON.stringify(report())}\n${seen.join('\n')}`;
  }
  const wait = (condition: () => boolean | Promise<boolean>, what: string) => until(condition, what, describe);
  return {
    redis,
    proxy,
    server,
    readers,
    feed,
    rate: appOptions.rate,
    embedded: embedded === true,
    report,
    tell: (command) => void app.child.send(command),
    startServer,
    async moved(count = appOptions.rate * MOVED_SECONDS) {
      const published = report().stats.published + count;
      await wait(() => report().stats.published >= published, 'the log to move');
      const marks = readers.map(({ audit }) => audit.delivered + audit.repeated + count);
      await wait(
        () => readers.every(({ audit }, at) => audit.delivered + audit.repeated >= (marks[at] ?? 0)),
        'all readers to move',
      );
    },
    async dropping(count = 1) {
      const dropped = report().stats.dropped.queue_full + count;
      await wait(() => report().stats.dropped.queue_full >= dropped, 'drops');
    },
    until: wait,
    close,
  };
}

const NONE = { queue_full: 0, too_large: 0, invalid: 0, rejected: 0, unconfirmed: 0, closed: 0 };
const EMPTY: AppReport = {
  stats: { emitted: 0, published: 0, queued: 0, dropped: NONE },
  worstDifference: 0,
  thrown: [],
  longestCallMs: 0,
  state: 'idle',
};

async function until(condition: () => boolean | Promise<boolean>, what: string, describe: () => string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited for ${what}:\n${describe()}`);
    await sleep(10);
  }
}

function startApp(options: AppOptions): {
  child: ChildProcess;
  report(): AppReport | undefined;
  end(): Promise<void>;
} {
  // Its warning about a log that is away is expected, and other tests look at it.
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
  const child = fork(APP, [JSON.stringify(options)], { execArgv: ['--no-warnings'], env });
  let latest: AppReport | undefined;
  child.on('message', (report) => {
    latest = report as AppReport;
  });
  return {
    child,
    report: () => latest,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function createServerProcess(url: string, feed: string): Promise<ServerProcess> {
  const held = await takePort();
  await held.release();
  let cli: CliProcess | undefined;
  const server: ServerProcess = {
    url: `http://127.0.0.1:${held.port}`,
    async start() {
      cli = startCli(['serve', '--no-otlp', '--port', String(held.port), '--url', url, '--feed', feed]);
      await cli.says(/listening on http:\S+/);
    },
    async kill() {
      cli?.child.kill('SIGKILL');
      await cli?.ended;
    },
  };
  await server.start();
  return server;
}
