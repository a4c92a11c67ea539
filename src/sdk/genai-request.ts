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

/**
 * What a body sent to a language model asks for; nothing where it is no such body. A body that names a model but goes to
 * an unknown path still counts, without operation and provider.
 * @param host without port
 */
export function readGenAiRequest(
  body: unknown,
  target: { host: string; path: string },
  captureContent: boolean,
): GenAiRequest | undefined {
  if (!isRecord(body) || typeof body.model !== 'string' || body.model === '') return undefined;
  const path = target.path.replace(/\?.*$/, '').replace(/\/+$/, '');
  const operation = OPERATIONS.find(([pattern]) => pattern.test(path));
  const provider = PROVIDERS.find(([pattern]) => pattern.test(target.host))?.[1] ?? operation?.[2];
  const stream = body.stream === true;

  const attributes: Record<string, AttributeValue> = { 'gen_ai.request.model': body.model, stream };
  if (operation !== undefined) attributes['gen_ai.operation.name'] = operation[1];
  if (provider !== undefined) attributes['gen_ai.provider.name'] = provider;
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
