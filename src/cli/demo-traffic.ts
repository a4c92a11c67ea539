import { setTimeout as sleep } from 'node:timers/promises';
import { toLivespanError } from '../errors.ts';

/** One chat completion through the gateway. */
export interface ChatRequest {
  model: string;
  stream: boolean;
  question: string;
  callId: string;
}

export interface ChatClient {
  /** What drives it, for people. */
  readonly description: string;
  /** @returns how many pieces the answer came in @throws what the request failed with */
  ask(request: ChatRequest): Promise<number>;
}

export interface TrafficOptions {
  client: ChatClient;
  /** Requests a second. */
  rate: number;
  signal: AbortSignal;
  say(line: string): void;
}

/** Slower than this, and requests would pile up. */
const IN_FLIGHT_MAX = 50;
const SAY_EVERY_MS = 1_000;

/** In turn, so that each demo shows the same: quick ones, slow ones that can be watched, retries, tool calls, failures. */
const SCENES = [
  { model: 'gpt-4o', stream: true, question: 'What is a trace?' },
  { model: 'slow', stream: true, question: 'Tell me, slowly, how a span becomes an event on a live page.' },
  { model: 'gpt-4o', stream: false, question: 'And what is a span?' },
  { model: 'tools', stream: true, question: 'What is the weather in Bern?' },
  { model: 'slow', stream: true, question: 'Why do gateways time out?' },
  { model: 'overloaded-1', stream: false, question: 'Are you busy?' },
  { model: 'gpt-4o-mini', stream: true, question: 'Name three HTTP headers.' },
  { model: 'broken', stream: true, question: 'Do you ever break off?' },
] as const;

/** Sends requests at the rate until the signal, and waits for those under way. */
export async function driveTraffic({ client, rate, signal, say }: TrafficOptions) {
  const totals = { sent: 0, answered: 0, failed: 0 };
  const inFlight = new Set<Promise<void>>();
  let saidMs = Number.NEGATIVE_INFINITY;
  say(`requests by ${client.description}`);

  const send = async (number: number): Promise<void> => {
    const scene = SCENES[(number - 1) % SCENES.length] ?? SCENES[0];
    const startMs = performance.now();
    const end = await client.ask({ ...scene, callId: `demo-${number}` }).then(
      (pieces) => ({ answered: 1, failed: 0, text: `${pieces} ${pieces === 1 ? 'piece' : 'pieces'}` }),
      (thrown: unknown) => ({ answered: 0, failed: 1, text: `failed: ${toLivespanError(thrown).message}` }),
    );
    totals.answered += end.answered;
    totals.failed += end.failed;
    if (performance.now() - saidMs < SAY_EVERY_MS) return;
    saidMs = performance.now();
    say(
      `request ${number}  ${scene.model}${scene.stream ? ', streamed' : ''}: ${end.text} in ${Math.round(saidMs - startMs)} ms`,
    );
  };

  for (const firstMs = performance.now(); !signal.aborted; ) {
    if (inFlight.size < IN_FLIGHT_MAX) {
      totals.sent += 1;
      const request = send(totals.sent).finally(() => inFlight.delete(request));
      inFlight.add(request);
    }
    const dueMs = firstMs + (totals.sent * 1_000) / rate - performance.now();
    await sleep(Math.max(10, dueMs), undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(inFlight);
  return totals;
}

/** The part of the `openai` package that is used here; it is a guest, not a dependency. */
interface OpenAiModule {
  OpenAI: new (options: {
    baseURL: string;
    apiKey: string;
    maxRetries: number;
    timeout: number;
  }) => {
    chat: {
      completions: {
        create(
          body: object,
          options: { headers: Record<string, string> },
        ): Promise<AsyncIterable<unknown> | { choices: unknown[] }>;
      };
    };
  };
}

const TIMEOUT_MS = 10_000;

/** The real `openai` client where it is installed, else plain fetch. */
export async function createChatClient(gatewayUrl: string): Promise<ChatClient> {
  const name = 'openai';
  const module = (await import(name).catch(() => undefined)) as OpenAiModule | undefined;
  if (module?.OpenAI === undefined) return { description: 'fetch', ask: (request) => askByFetch(gatewayUrl, request) };
  const client = new module.OpenAI({ baseURL: `${gatewayUrl}/v1`, apiKey: 'demo', maxRetries: 0, timeout: TIMEOUT_MS });
  return {
    description: 'the openai client',
    async ask(request) {
      const answer = await client.chat.completions.create(bodyOf(request), {
        headers: { 'x-request-id': request.callId },
      });
      if (!(Symbol.asyncIterator in answer)) return 1;
      let pieces = 0;
      for await (const _ of answer) pieces += 1;
      return pieces;
    },
  };
}

async function askByFetch(gatewayUrl: string, request: ChatRequest): Promise<number> {
  const answer = await fetch(`${gatewayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': request.callId },
    body: JSON.stringify(bodyOf(request)),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return request.stream ? text.split('\n\n').filter((block) => block.startsWith('data: {')).length : 1;
}

function bodyOf({ model, stream, question }: ChatRequest): object {
  const messages = [{ role: 'user', content: question }];
  return { model, stream, messages, ...(stream && { stream_options: { include_usage: true } }) };
}
