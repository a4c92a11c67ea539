import { type ClientRequest, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { AppendRequest } from '../bus/bus.ts';
import { codeOf, connectionProblem } from '../bus/connection-problem.ts';
import { LivespanError } from '../errors.ts';
import { readAnswer } from './http-answer.ts';
import type { Target, TargetOptions, TargetResult } from './target.ts';

/** A server answers a batch in milliseconds; one that needs longer is stalled, and the batch goes out again. */
const ANSWER_TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 1_048_576;

interface Answer {
  status: number;
  retryAfter: string | undefined;
  text: string;
}

/**
 * Batches to a livespan server by `POST /ingest`: keep-alive, one numbered request in flight, sockets that keep no process
 * alive. A time-out closes the connection before the batch is sent again.
 */
export function createHttpTarget(options: Pick<TargetOptions, 'url' | 'token'> & { answerTimeoutMs?: number }): Target {
  const base = new URL(options.url);
  const url = new URL(`${base.pathname.replace(/\/+$/, '')}/ingest`, base.origin);
  const tls = url.protocol === 'https:';
  const agent = new (tls ? TlsAgent : PlainAgent)({ keepAlive: true, maxSockets: 2 });
  const send = tls ? tlsRequest : plainRequest;
  const timeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
  const description = `livespan server at ${url.origin}`;
  let closed = false;

  function post(body: string, signal: AbortSignal | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = send(url, {
        method: 'POST',
        agent,
        ...(signal !== undefined && { signal }),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          accept: 'application/json',
          ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        },
      });
      request.on('socket', (socket) => socket.unref());
      const timer = setTimeout(
        () => request.destroy(new LivespanError('timeout', `no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      timer.unref();
      request.on('response', (response) => collect(request, response, resolve));
      request.on('error', reject);
      request.on('close', () => {
        clearTimeout(timer);
        reject(new LivespanError('log_unavailable', 'the connection was closed before the answer was complete'));
      });
      request.end(body);
    });
  }

  return {
    description,
    inFlightMax: 1,
    async append(request): Promise<TargetResult> {
      if (closed) return failed(new LivespanError('closed', 'closed'), 'no');
      try {
        const { status, retryAfter, text } = await post(bodyOf(request), request.signal);
        return readAnswer(status, text, retryAfter, description);
      } catch (error) {
        return failed(unreachable(error, url), 'unknown');
      }
    },
    async close() {
      closed = true;
      agent.destroy();
    },
  };
}

function collect(request: ClientRequest, response: IncomingMessage, resolve: (answer: Answer) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) request.destroy(new LivespanError('log_refused', 'its answer is too long'));
    else chunks.push(chunk);
  });
  response.on('end', () => {
    resolve({
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'],
      text: Buffer.concat(chunks).toString('utf8'),
    });
  });
  response.on('error', (error) => request.destroy(error));
}

/** The activities are JSON already; only the frame around them is made. */
function bodyOf({ activities, producer, instance }: AppendRequest): string {
  const frame = JSON.stringify({
    producer: producer?.id,
    batch: producer?.batch,
    acked: producer?.acked,
    instance: instance?.name,
    service: instance?.service,
    sign: instance?.sign,
  });
  const rest = frame === '{}' ? '}' : `,${frame.slice(1)}`;
  return `{"activities":[${activities.join(',')}]${rest}`;
}

function unreachable(thrown: unknown, { host }: URL): LivespanError {
  if (thrown instanceof LivespanError) return thrown;
  const problem = connectionProblem(thrown, host, { plain: 'http://', tls: 'https://' });
  const code = codeOf(thrown);
  const sentence = problem ?? `the connection was lost${code === '' ? '' : ` (${code})`}`;
  return new LivespanError('log_unavailable', sentence, { cause: thrown });
}

function failed(error: LivespanError, applied: 'no' | 'unknown'): TargetResult {
  return { outcome: 'failed', error, applied };
}
