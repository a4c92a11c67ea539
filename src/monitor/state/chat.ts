import type { Attributes } from '../../activity/activity.ts';

export interface ChatPart {
  readonly type: 'text' | 'tool_call' | 'other';
  /** The text; the arguments of a tool call. */
  readonly content: string;
  /** Name of the tool. */
  readonly tool?: string;
}

export interface ChatMessage {
  readonly role: string;
  readonly parts: readonly ChatPart[];
}

/** Prompt and answer of a call to a language model, as the GenAI conventions carry them. */
export interface Chat {
  readonly input: readonly ChatMessage[];
  readonly output: readonly ChatMessage[];
}

/** `undefined` where the application captured no content, which is the default. */
export function readChat(facts: Attributes): Chat | undefined {
  const input = messagesOf(facts['gen_ai.input.messages']);
  const output = messagesOf(facts['gen_ai.output.messages']);
  return input.length === 0 && output.length === 0 ? undefined : { input, output };
}

function messagesOf(value: unknown): ChatMessage[] {
  if (typeof value !== 'string') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    // Cut at a limit: what is there is shown as it is.
    return [{ role: 'unknown', parts: [{ type: 'text', content: value }] }];
  }
  return (Array.isArray(parsed) ? parsed : []).filter(isRecord).map((message) => ({
    role: typeof message.role === 'string' ? message.role : 'unknown',
    parts: partsOf(message),
  }));
}

function partsOf({ parts, content }: Record<string, unknown>): ChatPart[] {
  if (typeof content === 'string') return [{ type: 'text', content }];
  return (Array.isArray(parts) ? parts : []).filter(isRecord).map((part): ChatPart => {
    if (part.type === 'text' && typeof part.content === 'string') return { type: 'text', content: part.content };
    if (part.type === 'tool_call' && typeof part.name === 'string') {
      return { type: 'tool_call', tool: part.name, content: typeof part.arguments === 'string' ? part.arguments : '' };
    }
    return { type: 'other', content: JSON.stringify(part) };
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
