import type { AttributeValue } from '../activity/activity.ts';
import { inputMessages } from './genai-content.ts';
import { isRecord } from './genai-json.ts';

/** Members of a request body and the attribute that each becomes (OpenTelemetry GenAI conventions). */
const NUMBERS: readonly (readonly [member: string, attribute: string])[] = [
  ['max_tokens', 'gen_ai.request.max_tokens'],
  ['max_completion_tokens', 'gen_ai.request.max_tokens'],
  ['max_output_tokens', 'gen_ai.request.max_tokens'],
  ['temperature', 'gen_ai.request.temperature'],
  ['top_p', 'gen_ai.request.top_p'],
  ['top_k', 'gen_ai.request.top_k'],
  ['frequency_penalty', 'gen_ai.request.frequency_penalty'],
  ['presence_penalty', 'gen_ai.request.presence_penalty'],
  ['seed', 'gen_ai.request.seed'],
];

const OPERATIONS: readonly (readonly [path: RegExp, operation: string, provider: string])[] = [
  [/\/chat\/completions$/, 'chat', 'openai'],
  [/\/responses$/, 'chat', 'openai'],
  [/\/messages$/, 'chat', 'anthropic'],
  [/\/embeddings$/, 'embeddings', 'openai'],
  [/\/completions$/, 'text_completion', 'openai'],
];

const PROVIDERS: readonly (readonly [host: RegExp, provider: string])[] = [
  [/(^|\.)openai\.azure\.com$/, 'azure.ai.openai'],
  [/(^|\.)api\.openai\.com$/, 'openai'],
  [/(^|\.)anthropic\.com$/, 'anthropic'],
  [/(^|\.)mistral\.ai$/, 'mistral_ai'],
  [/(^|\.)groq\.com$/, 'groq'],
  [/(^|\.)deepseek\.com$/, 'deepseek'],
  [/(^|\.)x\.ai$/, 'x_ai'],
  [/(^|\.)cohere\.(ai|com)$/, 'cohere'],
  [/(^|\.)perplexity\.ai$/, 'perplexity'],
  [/^bedrock-runtime\./, 'aws.bedrock'],
  [/^generativelanguage\.googleapis\.com$/, 'gcp.gemini'],
];

export interface GenAiRequest {
  model: string;
  stream: boolean;
  attributes: Record<string, AttributeValue>;
}

/** Where a call goes; `host` without port, `path` without query. */
export interface Target {
  host: string;
  path: string;
}

/** The API that is called there; nothing where it is none of a language model. Bodies of other calls are not looked at. */
export function findModelApi(target: Target): { operation?: string; provider: string } | undefined {
  const path = target.path.replace(/\/+$/, '');
  const operation = OPERATIONS.find(([pattern]) => pattern.test(path));
  const provider = PROVIDERS.find(([pattern]) => pattern.test(target.host))?.[1] ?? operation?.[2];
  if (provider === undefined) return undefined;
  return operation === undefined ? { provider } : { operation: operation[1], provider };
}

/** What a body sent to a language model asks for; nothing where it is no such body. */
export function readGenAiRequest(body: unknown, target: Target, captureContent: boolean): GenAiRequest | undefined {
  const api = findModelApi(target);
  if (api === undefined || !isRecord(body) || typeof body.model !== 'string' || body.model === '') return undefined;
  const stream = body.stream === true;
  const attributes: Record<string, AttributeValue> = {
    'gen_ai.request.model': body.model,
    'gen_ai.provider.name': api.provider,
    stream,
  };
  if (api.operation !== undefined) attributes['gen_ai.operation.name'] = api.operation;
  if (stream) attributes['gen_ai.request.stream'] = true;
  for (const [member, attribute] of NUMBERS) {
    const value = body[member];
    if (typeof value === 'number') attributes[attribute] = value;
  }
  if (typeof body.n === 'number' && body.n !== 1) attributes['gen_ai.request.choice.count'] = body.n;
  const stop = body.stop ?? body.stop_sequences;
  if (typeof stop === 'string') attributes['gen_ai.request.stop_sequences'] = [stop];
  else if (Array.isArray(stop)) attributes['gen_ai.request.stop_sequences'] = stop.filter((s) => typeof s === 'string');
  if (captureContent) {
    const messages = inputMessages(body);
    if (messages !== undefined) attributes['gen_ai.input.messages'] = messages;
  }
  return { model: body.model, stream, attributes };
}
