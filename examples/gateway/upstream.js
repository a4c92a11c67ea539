/**
 * A small deterministic OpenAI-compatible upstream, for use without internet. The model's name chooses what it does:
 *
 * - `slow`: waits 300 ms before the first token and 30 ms between tokens
 * - `overloaded`: answers 529; `overloaded-2`: answers 529 twice, then as usual
 * - `broken`: cuts the connection in the middle of the answer
 * - `tools`, or a request with `tools`: answers with a tool call
 * - anything else: answers at once
 *
 *     PORT=0 node upstream.js      # prints its URL
 */
import { realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MODELS = ['normal', 'slow', 'tools', 'overloaded', 'overloaded-1', 'broken'];
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const CREATED = 1_767_225_600;

/**
 * @param {{ port?: number, host?: string }} [options] port 0 takes a free one
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startUpstream({ port = 0, host = '127.0.0.1' } = {}) {
  /** How often each `overloaded-<n>` has refused in its present round. @type {Map<string, number>} */
  const refusals = new Map();
  let answers = 0;

  const server = createServer(async (request, response) => {
    try {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (request.method === 'GET' && pathname === '/v1/models') {
        sendJson(response, 200, {
          object: 'list',
          data: MODELS.map((id) => ({ id, object: 'model', owned_by: 'demo' })),
        });
      } else if (request.method === 'POST' && pathname === '/v1/chat/completions') {
        const body = await readJson(request);
        if (typeof body?.model !== 'string' || !Array.isArray(body.messages)) {
          sendError(response, 400, 'invalid_request_error', 'model and messages are required');
        } else if (refuses(body.model, refusals)) {
          sendError(response, 529, 'overloaded_error', 'The model is overloaded');
        } else {
          answers += 1;
          await answer(response, body, `chatcmpl-${String(answers).padStart(6, '0')}`);
        }
      } else sendError(response, 404, 'not_found_error', `${request.method} ${pathname} is not served here`);
    } catch (error) {
      // The client has left, or its body was no JSON: nothing else throws here.
      if (response.headersSent) response.destroy();
      else sendError(response, 400, 'invalid_request_error', error instanceof Error ? error.message : 'bad request');
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://${host}:${address.port}`,
    async close() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * @param {string} model
 * @param {Map<string, number>} refusals
 */
function refuses(model, refusals) {
  const match = /^overloaded(?:-(\d+))?$/.exec(model);
  if (match === null) return false;
  if (match[1] === undefined) return true;
  const soFar = refusals.get(model) ?? 0;
  const refused = soFar < Number(match[1]);
  if (refused) refusals.set(model, soFar + 1);
  else refusals.delete(model);
  return refused;
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {{ model: string, messages: { content?: unknown }[], stream?: boolean, tools?: unknown[],
 *   stream_options?: { include_usage?: boolean } }} body
 * @param {string} id
 */
async function answer(response, body, id) {
  const { model } = body;
  const prompt = body.messages.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)));
  const words = `You said: ${prompt.at(-1)}`.split(/(?<= )/);
  const usesTool = model === 'tools' || (body.tools?.length ?? 0) > 0;
  const inputTokens = countWords(prompt.join(' '));
  const outputTokens = usesTool ? 8 : words.length;
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
  const finishReason = usesTool ? 'tool_calls' : 'stop';
  const call = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Bern"}' } };
  const head = { id, created: CREATED, model };
  if (model === 'slow') await sleep(300);

  if (!body.stream) {
    const message = usesTool
      ? { role: 'assistant', content: null, tool_calls: [call] }
      : { role: 'assistant', content: words.join('') };
    const whole = {
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: finishReason }],
      usage,
    };
    if (model === 'broken') {
      const text = JSON.stringify(whole);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.write(text.slice(0, text.length / 2));
      await sleep(20);
      response.destroy();
    } else sendJson(response, 200, whole);
    return;
  }

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  /** @param {unknown} delta @param {string | null} finish */
  const send = (delta, finish = null) =>
    sendEvent(response, {
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...(body.stream_options?.include_usage ? { usage: null } : {}),
    });
  send({ role: 'assistant', content: usesTool ? null : '' });
  const deltas = usesTool ? toolDeltas(call) : words.map((content) => ({ content }));
  for (const [index, delta] of deltas.entries()) {
    if (model === 'broken' && index >= deltas.length / 2) {
      await sleep(20);
      response.destroy();
      return;
    }
    if (model === 'slow') await sleep(30);
    if (response.destroyed) return;
    send(delta);
  }
  send({}, finishReason);
  if (body.stream_options?.include_usage) {
    sendEvent(response, { ...head, object: 'chat.completion.chunk', choices: [], usage });
  }
  response.end('data: [DONE]\n\n');
}

/** @param {{ id: string, type: string, function: { name: string, arguments: string } }} call */
function toolDeltas(call) {
  const { name, arguments: text } = call.function;
  const middle = Math.ceil(text.length / 2);
  return [
    { tool_calls: [{ index: 0, ...call, function: { name, arguments: '' } }] },
    { tool_calls: [{ index: 0, function: { arguments: text.slice(0, middle) } }] },
    { tool_calls: [{ index: 0, function: { arguments: text.slice(middle) } }] },
  ];
}

/** @param {string} text */
function countWords(text) {
  return text.split(/\s+/).filter((word) => word !== '').length;
}

/** @param {import('node:http').ServerResponse} response @param {unknown} data */
function sendEvent(response, data) {
  response.write(`data: ${JSON.stringify(data)}\n\n`);
}

/** @param {import('node:http').ServerResponse} response @param {number} status @param {unknown} body */
function sendJson(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** @param {import('node:http').ServerResponse} response @param {number} status @param {string} type @param {string} message */
function sendError(response, status, type, message) {
  sendJson(response, status, { error: { type, message } });
}

/** @param {import('node:http').IncomingMessage} request */
async function readJson(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`the body is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { PORT = '8081', HOST = '127.0.0.1' } = process.env;
  const { url } = await startUpstream({ port: Number(PORT), host: HOST });
  console.log(url);
}
