/**
 * An OpenAI-compatible gateway with the drop-in set-up: `startTelemetry` and `traceGateway` see every request and every
 * upstream call, and each step of its own is one `emitEvent`.
 *
 *     UPSTREAM_URL=http://127.0.0.1:8081 PORT=0 node server.js      # prints its URL
 */
import { realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { emitEvent, startTelemetry, traceGateway } from 'livespan';

const ATTEMPTS_MAX = 2;
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const PASSED_ON = ['content-type', 'cache-control', 'retry-after'];

/**
 * @param {{ port?: number, host?: string, upstreamUrl: string, telemetry?: import('livespan').TelemetryOptions,
 *   gateway?: import('livespan').TraceGatewayOptions }} options
 *   port 0 takes a free one; `telemetry` and `gateway` are handed to `startTelemetry` and `traceGateway`
 * @returns {Promise<{ url: string, telemetry: import('livespan').Telemetry, close(): Promise<void> }>}
 */
export async function startGateway({ port = 0, host = '127.0.0.1', upstreamUrl, telemetry: given, gateway: options }) {
  const telemetry = startTelemetry(given);
  const gateway = traceGateway(options);
  const server = createServer((request, response) => {
    gateway(request, response, () => {
      handle(request, response, upstreamUrl).catch((error) => fail(response, error));
    });
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://${host}:${address.port}`,
    telemetry,
    async close() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {string} upstreamUrl
 */
async function handle(request, response, upstreamUrl) {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const gone = new AbortController();
  response.once('close', () => gone.abort());

  if (request.method === 'GET' && pathname === '/v1/models') {
    await relay(await fetch(new URL('/v1/models', upstreamUrl), { signal: gone.signal }), response);
    return;
  }
  if (request.method !== 'POST' || pathname !== '/v1/chat/completions') {
    sendError(response, 404, 'not_found_error', `${request.method} ${pathname} is not served here`);
    return;
  }

  const body = await readJson(request);
  if (typeof body?.model !== 'string' || !Array.isArray(body.messages)) {
    emitEvent('chat.refused', { severity: 'warn', summary: 'Refused: the body is no chat completion request' });
    sendError(response, 400, 'invalid_request_error', 'The body must be JSON with model and messages');
    return;
  }
  emitEvent('chat.accepted', {
    summary: `Accepted: ${body.model}, ${body.messages.length === 1 ? '1 message' : `${body.messages.length} messages`}`,
    data: { model: body.model, messages: body.messages.length, stream: body.stream === true },
  });

  const upstream = await callUpstream(new URL('/v1/chat/completions', upstreamUrl), body, gone.signal);
  // Before the answer is passed on: its end is the end of the span, and history would not have what comes after that.
  emitEvent('chat.answered', {
    summary: `Answered: ${body.model}`,
    data: { model: body.model, status: upstream.status },
  });
  await relay(upstream, response);
}

/** An upstream that is overloaded gets a second chance. @param {URL} url @param {unknown} body @param {AbortSignal} signal */
async function callUpstream(url, body, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    if (answer.status !== 529 || attempt === ATTEMPTS_MAX) return answer;
    await answer.body?.cancel();
    emitEvent('chat.retried', {
      severity: 'warn',
      summary: 'The upstream is overloaded: trying again',
      data: { attempt },
    });
  }
}

/** Passes status, some headers and the body on, chunk by chunk. @param {Response} answer @param {import('node:http').ServerResponse} response */
async function relay(answer, response) {
  response.statusCode = answer.status;
  for (const name of PASSED_ON) {
    const value = answer.headers.get(name);
    if (value !== null) response.setHeader(name, value);
  }
  if (answer.body === null) response.end();
  else
    await pipeline(Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (answer.body)), response);
}

/** @param {import('node:http').ServerResponse} response @param {unknown} error */
function fail(response, error) {
  if (response.destroyed) return;
  const badBody = error instanceof SyntaxError || error instanceof RangeError;
  emitEvent('chat.failed', {
    severity: 'error',
    summary: badBody ? 'The body could not be read' : 'The upstream could not be reached',
    data: { error },
  });
  if (response.headersSent) response.destroy();
  else if (badBody) sendError(response, 400, 'invalid_request_error', 'The body must be JSON with model and messages');
  else sendError(response, 502, 'upstream_error', 'The upstream could not be reached');
}

/** @param {import('node:http').ServerResponse} response @param {number} status @param {string} type @param {string} message */
function sendError(response, status, type, message) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { type, message } }));
}

/** @param {import('node:http').IncomingMessage} request */
async function readJson(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new RangeError(`the body is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const upstreamUrl = process.env.UPSTREAM_URL;
  if (upstreamUrl === undefined) throw new Error('UPSTREAM_URL is not set: the base URL of an OpenAI-compatible API');
  const { PORT = '8080', HOST = '127.0.0.1' } = process.env;
  const { url } = await startGateway({ port: Number(PORT), host: HOST, upstreamUrl });
  console.log(url);
}
