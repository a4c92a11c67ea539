import { isRecord } from './genai-json.ts';

/** One part of a message in the shape of the GenAI conventions (`gen_ai.input.messages`, `gen_ai.output.messages`). */
export type Part =
  | { type: 'text'; content: string }
  | { type: 'tool_call'; id?: string; name: string; arguments?: string };

/**
 * The messages of a request body (OpenAI chat and responses, Anthropic messages, plain prompts) as JSON text in the
 * shape of the GenAI conventions. Only for applications that asked for content.
 */
export function inputMessages(body: Record<string, unknown>): string | undefined {
  const given = body.messages ?? body.input ?? body.prompt;
  if (typeof given === 'string') return JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: given }] }]);
  if (!Array.isArray(given)) return undefined;
  return JSON.stringify(
    given.map((message) =>
      isRecord(message)
        ? { role: typeof message.role === 'string' ? message.role : 'user', parts: partsOf(message) }
        : { role: 'user', parts: textParts(message) },
    ),
  );
}

/** The parts of one message, whichever of the three APIs wrote it. */
export function partsOf(message: Record<string, unknown>): Part[] {
  const parts = textParts(message.content);
  if (!Array.isArray(message.tool_calls)) return parts;
  for (const call of message.tool_calls) {
    const called = isRecord(call) && isRecord(call.function) ? call.function : undefined;
    if (called === undefined || typeof called.name !== 'string') continue;
    parts.push({
      type: 'tool_call',
      ...(isRecord(call) && typeof call.id === 'string' ? { id: call.id } : {}),
      name: called.name,
      ...(typeof called.arguments === 'string' ? { arguments: called.arguments } : {}),
    });
  }
  return parts;
}

function textParts(content: unknown): Part[] {
  if (typeof content === 'string') return [{ type: 'text', content }];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part): Part[] => {
    if (typeof part === 'string') return [{ type: 'text', content: part }];
    if (!isRecord(part)) return [];
    if (typeof part.text === 'string') return [{ type: 'text', content: part.text }];
    if (part.type !== 'tool_use' || typeof part.name !== 'string') return [];
    return [
      {
        type: 'tool_call',
        ...(typeof part.id === 'string' ? { id: part.id } : {}),
        name: part.name,
        arguments: JSON.stringify(part.input ?? {}),
      },
    ];
  });
}
