import { createServer, type Server } from 'node:http';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import { LivespanError } from '../errors.ts';
import { type AccessRules, checkHost, checkOrigin } from './access.ts';
import type { Auth } from './auth.ts';
import { type Answers, answerClientError, refuseTunnel } from './client-error.ts';
import type { Metrics } from './metrics.ts';
import { problemOf, SECURITY_HEADERS, writeProblem } from './problem.ts';
import type { Sessions } from './sessions.ts';
import { addSignIn, sendSignInPage } from './sign-in.ts';

/** Longest request target; the whole head has `HEADER_BYTES_MAX`. */
const URL_CHARS_MAX = 8_192;
export const HEADER_BYTES_MAX = 16_384;
/** A head or a body that trickles in for longer is cut off (408). */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
/** Connections beside those of the readers. */
const CONNECTIONS_SPARE = 1_000;

/** Open without a token: probes have none, and one has to be able to sign in. */
const OPEN_ROUTES = new Set(['/health', '/ready', '/sign-in']);
const PAGES = new Set(['/', '/activity/monitor', '/monitor', '/monitor/*']);

export interface AppOptions {
  rules: AccessRules;
  auth: Auth;
  sessions: Sessions;
  metrics: Metrics;
  bodyBytesMax: number;
  readersMax: number;
  requestTimeoutMs?: number;
}

/** Everything that holds for every route: limits, who may come in, and how a no is said. */
export function createApp(options: AppOptions): FastifyInstance {
  const answers: Answers = new WeakMap();
  let closing = false;
  const app = fastify({
    serverFactory: (handler) => createListener(handler, options, answers),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, answers.get(socket)),
    frameworkErrors: (error, _request, reply) => {
      reply.hijack();
      writeProblem(reply.raw, error);
    },
    bodyLimit: options.bodyBytesMax,
    forceCloseConnections: 'idle',
    // Its own answer while closing is no problem document; the hook below gives ours.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
  });
  takeTextBodies(app);
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (closing) throw new LivespanError('closed', 'The server is stopping');
    if (request.url.length > URL_CHARS_MAX) {
      throw new LivespanError('uri_too_long', `The request target is longer than ${URL_CHARS_MAX} characters`);
    }
    const route = request.routeOptions.url ?? '';
    const open = OPEN_ROUTES.has(route);
    // A probe of HTTP/1.0 has no Host, and what it may see is no secret.
    if (!open || request.headers.host !== undefined || request.raw.httpVersion !== '1.0')
      checkHost(request.raw, options.rules);
    checkOrigin(request.raw, options.rules);
    if (open || options.auth.allows(request.raw)) return undefined;
    if (PAGES.has(route)) return sendSignInPage(reply, 401);
    return options.auth.check(request.raw);
  });
  app.addHook('onResponse', async (request, reply) => {
    options.metrics.recordRequest(routeOf(request), request.method, reply.statusCode, reply.elapsedTime / 1_000);
  });
  app.setErrorHandler((error, _request, reply) => {
    const problem = problemOf(error);
    return reply.code(problem.status).headers(problem.headers).send(problem.body);
  });
  answerUnknownRoutes(app);
  addSignIn(app, options.auth, options.sessions);
  return app;
}

/** The route's pattern, not the path: a metric label must not be of the caller's choosing. */
function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
}

function createListener(handler: Parameters<typeof createServer>[1], options: AppOptions, answers: Answers): Server {
  const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(2_000, requestTimeoutMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
      // Node's own answer to a missing Host has no body; `checkHost` says it in ours.
      requireHostHeader: false,
    },
    handler,
  );
  server.maxConnections = options.readersMax + CONNECTIONS_SPARE;
  server.on('request', (request, response) => answers.set(request.socket, response));
  server.on('drop', () => options.metrics.recordDroppedConnection());
  server.on('connect', (_request, socket) => refuseTunnel(socket));
  server.on('checkExpectation', (_request, response) => {
    writeProblem(response, new LivespanError('invalid_request', 'Expect: only 100-continue can be expected'));
  });
  return server;
}

/** Bodies come to the routes as text: what is wrong in them is said by the one who knows what should be there. */
function takeTextBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const types = ['application/json', 'application/x-ndjson', 'application/x-www-form-urlencoded'];
  app.addContentTypeParser(types, { parseAs: 'string' }, (_request, body, done) => done(null, body));
}

/** 404 for a path nobody knows, 405 with `Allow` for a known one. */
function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', (route) => {
    const pattern = new RegExp(`^${route.url.replace(/[.*]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}$`);
    routes.push({ pattern, methods: [route.method].flat() });
  });
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods);
    if (allowed.length === 0) throw new LivespanError('not_found', 'There is nothing at this path');
    reply.header('allow', [...new Set(allowed)].join(', '));
    throw new LivespanError('method_not_allowed', `This path takes ${[...new Set(allowed)].join(', ')}`);
  });
}
