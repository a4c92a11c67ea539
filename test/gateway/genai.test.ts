import { describe, expect, it } from 'vitest';
import { collectBody, observeResponseBody } from '../../src/sdk/body-observer.ts';
import { topLevelScalars } from '../../src/sdk/genai-json.ts';
import { readGenAiRequest } from '../../src/sdk/genai-request.ts';
import { genAiResponseAttributes } from '../../src/sdk/genai-response.ts';

const CHAT = { host: 'api.openai.com', path: '/v1/chat/completions' };

function observe(text: string, options: { pieces?: number; captureContent?: boolean } = {}) {
  const observer = observeResponseBody({ bodyBytesMax: 262_144, captureContent: options.captureContent ?? false });
  const bytes = Buffer.from(text);
  const step = Math.ceil(bytes.length / (options.pieces ?? 1));
  for (let at = 0; at < bytes.length; at += step) observer.add(bytes.subarray(at, at + step));
  return { observer, attributes: genAiResponseAttributes(observer.result()) };
}

function sse(...events: unknown[]): string {
  return `${events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')}data: [DONE]\n\n`;
}

describe('what a request asks for', () => {
  it('becomes the attributes of the GenAI conventions', () => {
    const body = { model: 'gpt-4o', stream: true, max_tokens: 5, temperature: 0.2, stop: 'END', n: 2, messages: [] };
    expect(readGenAiRequest(body, CHAT, false)).toEqual({
      model: 'gpt-4o',
      stream: true,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o',
        'gen_ai.request.stream': true,
        'gen_ai.request.max_tokens': 5,
        'gen_ai.request.temperature': 0.2,
        'gen_ai.request.stop_sequences': ['END'],
        'gen_ai.request.choice.count': 2,
        stream: true,
      },
    });
  });

  it('names the provider by host, else by the shape of the path', () => {
    const provider = (host: string, path: string) =>
      readGenAiRequest({ model: 'm' }, { host, path }, false)?.attributes['gen_ai.provider.name'];
    expect(provider('x.openai.azure.com', '/openai/chat/completions')).toBe('azure.ai.openai');
    expect(provider('api.anthropic.com', '/v1/messages')).toBe('anthropic');
    expect(provider('127.0.0.1', '/v1/chat/completions/')).toBe('openai');
    expect(provider('127.0.0.1', '/elsewhere')).toBeUndefined();
    expect(provider('notopenai.com.example', '/elsewhere')).toBeUndefined();
  });

  it('is nothing for bodies without a model, and for other APIs', () => {
    for (const body of [undefined, null, [], 'x', {}, { model: 7 }, { model: '' }]) {
      expect(readGenAiRequest(body, CHAT, false)).toBeUndefined();
    }
    expect(readGenAiRequest({ model: 'T' }, { host: 'cars.example', path: '/cars' }, false)).toBeUndefined();
  });

  it('has the prompt only when content is asked for', () => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'secret' }] };
    expect(JSON.stringify(readGenAiRequest(body, CHAT, false))).not.toContain('secret');
    const messages = readGenAiRequest(body, CHAT, true)?.attributes['gen_ai.input.messages'];
    expect(JSON.parse(String(messages))).toEqual([{ role: 'user', parts: [{ type: 'text', content: 'secret' }] }]);
  });
});

describe('a body that was cut off', () => {
  it('still gives its simple top-level members', () => {
    const text =
      '{"model":"gpt-4o","n":2,"tools":[{"model":"no","a":{"b":1}}],"stream": true, "messages":[{"content":"\\"model\\": \\"x';
    expect(topLevelScalars(text)).toEqual({ model: 'gpt-4o', n: 2, stream: true });
  });

  it('agrees with JSON.parse on whole objects, and sets no prototype', () => {
    const whole = { a: 'x:{},"', b: -1.5e3, c: null, d: false, e: { a: 1 }, f: ['a', { b: 2 }], g: '' };
    expect(topLevelScalars(JSON.stringify(whole))).toEqual({ a: 'x:{},"', b: -1500, c: null, d: false, g: '' });
    expect(Object.getPrototypeOf(topLevelScalars('{"__proto__":"x"}'))).toBe(Object.prototype);
  });

  it('keeps no more than its bound', () => {
    const body = collectBody(8);
    body.add('12345');
    body.add(Buffer.from('67890'));
    body.add('more');
    expect(body.text()).toBe('12345678');
    expect(body.truncated).toBe(true);
  });

  it('is a copy: the application may reuse its buffer', () => {
    const body = collectBody(8);
    const buffer = Buffer.from('abcd');
    body.add(buffer);
    buffer.fill(0);
    expect(body.text()).toBe('abcd');
  });
});

describe('what an answer says', () => {
  const chatUsage = {
    prompt_tokens: 9,
    completion_tokens: 12,
    prompt_tokens_details: { cached_tokens: 3 },
    completion_tokens_details: { reasoning_tokens: 4 },
  };
  const chatExpected = {
    'gen_ai.response.id': 'c-1',
    'gen_ai.response.model': 'gpt-4o-2024',
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.input_tokens': 9,
    'gen_ai.usage.output_tokens': 12,
    'gen_ai.usage.cache_read.input_tokens': 3,
    'gen_ai.usage.reasoning.output_tokens': 4,
  };

  it('is read from an OpenAI chat completion', () => {
    const choices = [{ finish_reason: 'stop', message: { role: 'assistant', content: 'hidden' } }];
    const text = JSON.stringify({ id: 'c-1', model: 'gpt-4o-2024', choices, usage: chatUsage });
    expect(observe(text, { pieces: 7 }).attributes).toEqual(chatExpected);
  });

  it.each([1, 3, 50, 500])('is read from an OpenAI stream in %i pieces', (pieces) => {
    const head = { id: 'c-1', model: 'gpt-4o-2024', object: 'chat.completion.chunk' };
    const text = sse(
      { ...head, choices: [{ delta: { content: 'Grüße "usage":{} ' }, finish_reason: null }], usage: null },
      { ...head, choices: [{ delta: {}, finish_reason: 'stop' }], usage: null },
      { ...head, choices: [], usage: chatUsage },
    );
    const { observer, attributes } = observe(text, { pieces });
    expect(attributes).toEqual(chatExpected);
    expect(observer.streamed).toBe(true);
    expect(observer.firstChunkMs).toBeTypeOf('number');
  });

  it('is read from an Anthropic stream', () => {
    const text = sse(
      {
        type: 'message_start',
        message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 5, output_tokens: 1 } },
      },
      { type: 'content_block_delta', delta: { type: 'text_delta', text: 'Hi' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
    );
    expect(observe(text).attributes).toEqual({
      'gen_ai.response.id': 'msg_1',
      'gen_ai.response.model': 'claude',
      'gen_ai.response.finish_reasons': ['end_turn'],
      'gen_ai.usage.input_tokens': 5,
      'gen_ai.usage.output_tokens': 7,
    });
  });

  it('is read from an OpenAI responses stream', () => {
    const response = { id: 'resp_1', object: 'response', model: 'gpt-5', status: 'completed' };
    const text = sse(
      { type: 'response.created', response: { ...response, status: 'in_progress', usage: null } },
      { type: 'response.completed', response: { ...response, usage: { input_tokens: 2, output_tokens: 3 } } },
    );
    expect(observe(text).attributes).toMatchObject({
      'gen_ai.response.model': 'gpt-5',
      'gen_ai.response.finish_reasons': ['completed'],
      'gen_ai.usage.input_tokens': 2,
      'gen_ai.usage.output_tokens': 3,
    });
  });

  it('has the text and the tool calls only when content is asked for', () => {
    const head = { id: 'c-1', model: 'm' };
    const call = (part: object) => ({ ...head, choices: [{ delta: { tool_calls: [{ index: 0, ...part }] } }] });
    const text = sse(
      { ...head, choices: [{ delta: { content: 'Hel' } }] },
      { ...head, choices: [{ delta: { content: 'lo' } }] },
      call({ id: 'call_1', function: { name: 'weather', arguments: '' } }),
      call({ function: { arguments: '{"a"' } }),
      call({ function: { arguments: ':1}' } }),
    );
    expect(observe(text).attributes).not.toHaveProperty('gen_ai.output.messages');
    const messages = observe(text, { captureContent: true }).attributes['gen_ai.output.messages'];
    expect(JSON.parse(String(messages))[0].parts).toEqual([
      { type: 'text', content: 'Hello' },
      { type: 'tool_call', id: 'call_1', name: 'weather', arguments: '{"a":1}' },
    ]);
  });

  it('is nothing for foreign bytes, and nothing throws', () => {
    const bodies = ['', 'plain text', '{"usage":', '\u0000\u0001', 'data: {"usage":{"prompt_tokens":"x"}}\n\n', '[1]'];
    for (const body of bodies) expect(observe(body).attributes).toEqual({});
  });

  it('holds a line of a stream only up to its bound', () => {
    const long = `data: {"model":"m","id":"i","pad":"${'x'.repeat(200_000)}"}\n\n`;
    expect(observe(`${long}data: {"id":"c","model":"after"}\n\n`, { pieces: 20 }).attributes).toMatchObject({
      'gen_ai.response.model': 'after',
    });
  });
});
