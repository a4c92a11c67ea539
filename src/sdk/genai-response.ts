import type { AttributeValue } from '../activity/activity.ts';
import { type Part, partsOf } from './genai-content.ts';
import { isRecord } from './genai-json.ts';

/** What a language model's answer says about itself, gathered from one JSON body or from the chunks of a stream. */
export interface GenAiResponse {
  id?: string;
  model?: string;
  finishReasons: string[];
  usage: Record<string, number>;
  /** Output text and tool calls, only where content is asked for. */
  parts: Part[];
  contentChars: number;
}

const CONTENT_CHARS_MAX = 65_536;

export function emptyGenAiResponse(): GenAiResponse {
  return { finishReasons: [], usage: {}, parts: [], contentChars: 0 };
}

/** Whether a chunk of a stream can hold more than text: everything else need not be parsed. */
export function isTelling(data: string): boolean {
  return /"usage"\s*:\s*\{|"(?:finish|stop)_reason"\s*:\s*"|"type"\s*:\s*"(?:message_start|response\.(?:completed|incomplete|failed))"/.test(
    data,
  );
}

/** Adds what `value` (a whole answer, or one chunk of a stream) says. Later figures replace earlier ones. */
export function readGenAiResponse(value: unknown, into: GenAiResponse, captureContent: boolean): void {
  if (!isRecord(value)) return;
  // Anthropic wraps the head of the message, the responses API the finished answer.
  const inner = value.message ?? value.response;
  if (isRecord(inner)) readGenAiResponse(inner, into, captureContent);
  if (typeof value.id === 'string' && typeof value.model === 'string') {
    into.id = value.id;
    into.model = value.model;
  }
  if (isRecord(value.usage)) readUsage(value.usage, into.usage);
  readFinishReasons(value, into.finishReasons);
  if (captureContent) readContent(value, into);
}

const COUNTS: readonly (readonly [attribute: string, ...members: string[]])[] = [
  ['gen_ai.usage.input_tokens', 'prompt_tokens', 'input_tokens'],
  ['gen_ai.usage.output_tokens', 'completion_tokens', 'output_tokens'],
  ['gen_ai.usage.cache_read.input_tokens', 'cache_read_input_tokens'],
  ['gen_ai.usage.cache_write.input_tokens', 'cache_creation_input_tokens'],
];

function readUsage(usage: Record<string, unknown>, into: Record<string, number>): void {
  for (const [attribute, ...members] of COUNTS) {
    for (const member of members) setCount(into, attribute, usage[member]);
  }
  const input = usage.prompt_tokens_details ?? usage.input_tokens_details;
  if (isRecord(input)) setCount(into, 'gen_ai.usage.cache_read.input_tokens', input.cached_tokens);
  const output = usage.completion_tokens_details ?? usage.output_tokens_details;
  if (isRecord(output)) setCount(into, 'gen_ai.usage.reasoning.output_tokens', output.reasoning_tokens);
}

function setCount(into: Record<string, number>, attribute: string, value: unknown): void {
  if (typeof value === 'number' && Number.isFinite(value)) into[attribute] = value;
}

function readFinishReasons(value: Record<string, unknown>, into: string[]): void {
  const delta = value.delta;
  const reasons = [
    value.stop_reason,
    isRecord(delta) ? delta.stop_reason : undefined,
    value.object === 'response' && value.status !== 'in_progress' ? value.status : undefined,
    ...(Array.isArray(value.choices) ? value.choices.map((c) => (isRecord(c) ? c.finish_reason : undefined)) : []),
  ];
  for (const reason of reasons) if (typeof reason === 'string' && into.length < 128) into.push(reason);
}

function readContent(value: Record<string, unknown>, into: GenAiResponse): void {
  const delta = value.delta;
  if (isRecord(delta) && typeof delta.text === 'string') addText(into, delta.text);
  if (value.type === 'message' && Array.isArray(value.content)) addParts(into, partsOf(value));
  if (value.object === 'response' && Array.isArray(value.output)) {
    for (const item of value.output) if (isRecord(item)) addParts(into, partsOf(item));
  }
  if (!Array.isArray(value.choices)) return;
  for (const choice of value.choices) {
    if (!isRecord(choice)) continue;
    if (isRecord(choice.message)) addParts(into, partsOf(choice.message));
    else if (typeof choice.text === 'string') addText(into, choice.text);
    if (isRecord(choice.delta)) addDelta(into, choice.delta);
  }
}

function addDelta(into: GenAiResponse, delta: Record<string, unknown>): void {
  if (typeof delta.content === 'string') addText(into, delta.content);
  if (!Array.isArray(delta.tool_calls)) return;
  for (const call of delta.tool_calls) {
    const called = isRecord(call) ? call.function : undefined;
    if (!isRecord(called)) continue;
    const last = into.parts.at(-1);
    // A tool call begins with its name; its arguments come in pieces.
    if (typeof called.name === 'string') addParts(into, partsOf({ tool_calls: [call] }));
    else if (typeof called.arguments === 'string' && last?.type === 'tool_call' && hasRoom(into, called.arguments)) {
      last.arguments = (last.arguments ?? '') + called.arguments;
    }
  }
}

function addText(into: GenAiResponse, text: string): void {
  if (text === '' || !hasRoom(into, text)) return;
  const last = into.parts.at(-1);
  if (last?.type === 'text') last.content += text;
  else into.parts.push({ type: 'text', content: text });
}

function addParts(into: GenAiResponse, parts: Part[]): void {
  for (const part of parts) {
    if (hasRoom(into, part.type === 'text' ? part.content : `${part.name}${part.arguments ?? ''}`))
      into.parts.push(part);
  }
}

function hasRoom(into: GenAiResponse, text: string): boolean {
  into.contentChars += text.length;
  return into.contentChars <= CONTENT_CHARS_MAX;
}

/** `gen_ai.response.*` and `gen_ai.usage.*`. */
export function genAiResponseAttributes(response: GenAiResponse): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = { ...response.usage };
  if (response.model !== undefined) attributes['gen_ai.response.model'] = response.model;
  if (response.id !== undefined) attributes['gen_ai.response.id'] = response.id;
  if (response.finishReasons.length > 0) attributes['gen_ai.response.finish_reasons'] = response.finishReasons;
  if (response.parts.length > 0) {
    const message = { role: 'assistant', parts: response.parts, finish_reason: response.finishReasons[0] };
    attributes['gen_ai.output.messages'] = JSON.stringify([message]);
  }
  return attributes;
}
