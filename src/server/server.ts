import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { createRedactor } from '../activity/redaction.ts';
import type { Bus } from '../bus/bus.ts';
import { openBus } from '../bus/open-bus.ts';
import { type GivenOptions, givenOptions, isGiven, type OptionName, type Options, readOptions } from '../config.ts';
import { log } from '../diag.ts';
import { LivespanError } from '../errors.ts';
import { createLiveFeed, type LiveFeed } from '../feed/live-feed.ts';
import { createAccessRules, isLoopback } from './access.ts';
import { addActivityRoutes } from './activity-routes.ts';
import { createApp } from './app.ts';
import { createAuth } from './auth.ts';
import { addHealthRoutes } from './health-routes.ts';
import { addIngestRoute, createIngestFigures } from './ingest-routes.ts';
import { createInstanceWatch } from './instance-watch.ts';
import { watchLog } from './log-watch.ts';
import { createMetrics } from './metrics.ts';
import { addMonitorFiles } from './monitor-files.ts';
import { type DoorPort, type OtlpDoors, openOtlpDoors } from './otlp-doors.ts';
import { otlpFigures, serverFigures } from './server-figures.ts';
import { createSessions } from './sessions.ts';
import { createStreamHandler } from './sse.ts';
import { addStatsRoutes, type StatsSources } from './stats-routes.ts';
import { addStreamRoute } from './stream-route.ts';
import { addTraceRoute } from './trace-routes.ts';

const OPTION_NAMES = [
  'url',
  'feed',
  'token',
  'host',
  'port',
  'allowedHost',
  'logCountMax',
  'logBytesMax',
  'logAgeMaxMs',
  'ringCountMax',
  'ringBytesMax',
  'readersMax',
  'readersPerAddressMax',
  'overrun',
  'heartbeatMs',
  'bodyBytesMax',
  'instanceSilentMs',
  'redact',
  'traceUrl',
  'otlp',
  'otlpGrpcPort',
  'otlpHttpPort',
  'otlpTlsCertificate',
  'otlpTlsKey',
  'otlpTlsClientCa',
  'otlpKeepLive',
] as const satisfies readonly OptionName[];

/** Each is a row of the option table: what is not given comes from the environment, then from the table's default. */
export type ServerOptions = GivenOptions<(typeof OPTION_NAMES)[number]>;
type Settings = Options<(typeof OPTION_NAMES)[number]>;

export interface LivespanServer {
  /** Where it listens, e.g. `http://127.0.0.1:4319`. */
  readonly url: string;
  /** Where OTLP comes in; absent while that door is closed. */
  readonly otlpGrpcUrl?: string;
  readonly otlpHttpUrl?: string;
  /** Readers are told to come back, requests under way end, then all is closed; takes at most seconds. May be called twice. */
  close(): Promise<void>;
}

/** Longest wait for the log before the server says that it listens; it answers 503 until the log is there. */
const LOG_WAIT_MS = 2_000;
/** Longest wait for each step of closing. */
const CLOSE_STEP_MS = 3_000;

/**
 * Starts a livespan server: the log (embedded unless `url` names a Redis), the live feed and the HTTP door. It starts
 * while Redis is away and serves as soon as it comes.
 * @throws LivespanError `invalid_option` (a value, or an address open to others without a token), `address_in_use`
 */
export async function createServer(options: ServerOptions = {}): Promise<LivespanServer> {
  const given = givenOptions(options);
  const settings = readOptions(OPTION_NAMES, given);
  checkSettings(settings);
  const bus = await openBus({
    url: settings.url ?? 'memory:',
    feed: settings.feed,
    logCountMax: settings.logCountMax,
    logBytesMax: settings.logBytesMax,
    logAgeMaxMs: settings.logAgeMaxMs,
  });
  const feed = createLiveFeed({ bus, ringCountMax: settings.ringCountMax, ringBytesMax: settings.ringBytesMax });
  const running = assemble(settings, bus, feed);
  try {
    await listen(running.app, settings);
    const otlpUrls = await openOtlp(running, settings, given);
    await startFeed(bus, feed);
    return { url: `http://${hostOf(settings.host)}:${portOf(running.app)}`, ...otlpUrls, close: running.close };
  } catch (thrown) {
    await running.close();
    throw thrown;
  }
}

async function openOtlp(
  running: Running,
  settings: Settings,
  given: ServerOptions,
): Promise<Pick<LivespanServer, 'otlpGrpcUrl' | 'otlpHttpUrl'>> {
  const grpc = doorPort('otlpGrpcPort', settings, given);
  const http = doorPort('otlpHttpPort', settings, given);
  if (grpc === undefined && http === undefined) return {};
  const { scheme, grpcPort, httpPort } = await running.openOtlp(grpc, http);
  const base = `${scheme}://${hostOf(settings.host)}`;
  return {
    ...(grpcPort !== undefined && { otlpGrpcUrl: `${base}:${grpcPort}` }),
    ...(httpPort !== undefined && { otlpHttpUrl: `${base}:${httpPort}` }),
  };
}

/**
 * A server on a port of the system's choosing is one of many, so it takes no default OTLP port; others take them if they
 * are free.
 */
function doorPort(
  name: 'otlpGrpcPort' | 'otlpHttpPort',
  settings: Settings,
  given: ServerOptions,
): DoorPort | undefined {
  const isAskedFor = isGiven(name, given);
  return settings.otlp && (isAskedFor || settings.port !== 0) ? { port: settings[name], isAskedFor } : undefined;
}

function checkSettings(settings: Settings): void {
  if (settings.url !== undefined && /^https?:/i.test(settings.url)) {
    throw new LivespanError(
      'invalid_option',
      'url: a server keeps its log in Redis or embeds it (memory:), not in another server',
    );
  }
  if (!isLoopback(settings.host) && settings.token === undefined) {
    throw new LivespanError(
      'invalid_option',
      `host: ${settings.host} can be reached from other machines, so a token is needed (token, LIVESPAN_TOKEN)`,
      { details: { option: 'host' } },
    );
  }
}

interface Running {
  app: FastifyInstance;
  openOtlp(grpc: DoorPort | undefined, http: DoorPort | undefined): Promise<OtlpDoors>;
  close(): Promise<void>;
}

/** Puts the parts together; `close` takes them down in the opposite order. */
function assemble(settings: Settings, bus: Bus, feed: LiveFeed): Running {
  const sessions = createSessions({ port: () => portOf(app) });
  const auth = createAuth(settings.token, sessions);
  const rules = createAccessRules(settings.host, settings.allowedHost);
  const metrics = createMetrics();
  const watch = createInstanceWatch(bus, settings.instanceSilentMs);
  const logWatch = watchLog(bus);
  const ingest = createIngestFigures();
  const { readersMax, readersPerAddressMax, overrun, heartbeatMs, bodyBytesMax } = settings;
  const stream = createStreamHandler({ feed, readersMax, readersPerAddressMax, overrun, heartbeatMs });
  const app = createApp({ rules, auth, sessions, metrics, bodyBytesMax, readersMax });
  const sources: StatsSources = { bus, feed, stream, ingest, watch, sessions, metrics };
  metrics.add(serverFigures(sources));
  addHealthRoutes(app, { bus, feed, auth });
  addIngestRoute(app, { bus, redactor: createRedactor(settings.redact), figures: ingest });
  addStreamRoute(app, stream, auth, sessions);
  addActivityRoutes(app, bus);
  addTraceRoute(app, { bus, feed });
  addStatsRoutes(app, sources);
  addMonitorFiles(app, () => ({ traceUrl: settings.traceUrl, signedIn: auth.required }));
  let doors: OtlpDoors | undefined;
  const close = async (): Promise<void> => {
    logWatch.close();
    await step('the OTLP doors', async () => doors?.close());
    await step('the stream', () => stream.close());
    await step('the HTTP door', () => closeApp(app));
    await step('the instance watch', () => watch.close());
    await step('the feed', () => feed.close());
    await step('the log', () => bus.close());
    await step('the metrics', () => metrics.close());
  };
  let closing: Promise<void> | undefined;
  return {
    app,
    async openOtlp(grpc, http) {
      doors = await openOtlpDoors({ ...otlpSettings(settings), bus, auth, rules, grpc, http });
      sources.otlp = doors.receiver;
      metrics.add(otlpFigures(doors.receiver));
      return doors;
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function otlpSettings(settings: Settings) {
  const { host, bodyBytesMax, redact, otlpKeepLive: keepLive } = settings;
  const { otlpTlsCertificate: certificate, otlpTlsKey: key, otlpTlsClientCa: clientCa } = settings;
  return { host, bodyBytesMax, redact, keepLive, tls: { certificate, key, clientCa } };
}

async function listen(app: FastifyInstance, { host, port }: Settings): Promise<void> {
  try {
    // `localhost` may stand for two addresses; one listener is enough, and it is the address we print.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new LivespanError('address_in_use', `port: ${port} on ${host} is in use`, {
        cause: thrown,
        details: { port },
      });
    }
    throw new LivespanError('invalid_option', `host: cannot listen on ${host} port ${port} (${String(code)})`, {
      cause: thrown,
      details: { option: 'host' },
    });
  }
}

/** Waits for the log and the feed, though not for long: a server that starts before its Redis has to answer all the same. */
async function startFeed(bus: Bus, feed: LiveFeed): Promise<void> {
  const unreached = (thrown: unknown): void => log.debug('The log is not reached yet', thrown);
  const started = bus
    .ready()
    .catch(unreached)
    .then(() => feed.start())
    .catch(unreached);
  await Promise.race([started, sleep(LOG_WAIT_MS, undefined, { ref: false })]);
}

async function closeApp(app: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_STEP_MS - 500);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

/** One step of closing: bounded, and a failure does not keep the others from closing. */
async function step(what: string, close: () => Promise<void>): Promise<void> {
  try {
    await Promise.race([close(), sleep(CLOSE_STEP_MS, undefined, { ref: false })]);
  } catch (thrown) {
    log.warn(`Closing ${what} failed`, thrown);
  }
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return isAddress(address) ? address.port : 0;
}

/** A host that a client on this machine can use. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}
