/** The event that all benches send: about 350 bytes of JSON, as a gateway's would be. */
export const SUMMARY = 'Request received: gpt-4o (stream=true)';

export interface EventData extends Record<string, unknown> {
  'gen_ai.request.model': string;
  'gen_ai.usage.input_tokens': number;
  'http.route': string;
  'server.address': string;
  stream: boolean;
}

export function eventData(index: number): EventData {
  return {
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.usage.input_tokens': index,
    'http.route': '/v1/chat/completions',
    'server.address': 'api.openai.example',
    stream: true,
  };
}

/** The JSON of one such activity, as `JSON.stringify` writes it. */
export function activityJson(index: number): string {
  return JSON.stringify({
    id: `01997b5e-${String(1_000 + (index & 8_191))}-7c1e-b2a4-5d1f0a9e77c2`,
    kind: 'event',
    name: 'gateway.request_received',
    time: '2026-11-21T00:22:37.123456Z',
    severity: 'info',
    summary: SUMMARY,
    service: 'gateway',
    instance: 'gw-7c9f:4711-e1a0',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    attributes: eventData(index),
  });
}
