import { describe, expect, it } from 'vitest';
import { titleOf } from '../../../src/monitor/state/span-row.ts';
import { tellCall } from '../../../src/monitor/state/story.ts';
import { describeRows, end, frame, START_MS, spanId, start, storeAtTime, TRACE } from '../frames.ts';

describe('what things are called', () => {
  it('adds route or path to a span that is named by its method alone', () => {
    const { store, apply } = storeAtTime();
    const named = (
      number: number,
      name: string,
      attributes: Record<string, string | number>,
      spanKind: 'server' | 'client' = 'server',
    ) => start(number, number, { name, attributes, spanKind });
    apply(
      named(1, 'POST', { 'url.path': '/v1/chat/completions' }),
      named(2, 'GET', { 'url.path': '/users/7', 'http.route': '/users/:id' }),
      named(3, 'GET /users/:id', { 'url.path': '/users/7' }),
      named(4, 'GET', {}),
      named(5, 'POST', { 'url.path': '/v1/chat', 'server.address': 'api.example', 'server.port': 8443 }, 'client'),
      named(6, 'GET', { 'server.address': 'api.example' }, 'client'),
    );
    const titles = [1, 2, 3, 4, 5, 6].map((number) => {
      const row = store.span(TRACE, spanId(number));
      return row === undefined ? '' : titleOf(row);
    });
    const ofServer = ['POST /v1/chat/completions', 'GET /users/:id', 'GET /users/:id', 'GET'];
    expect(titles).toEqual([...ofServer, 'POST api.example:8443/v1/chat', 'GET api.example']);
  });

  it('tells what was asked of whom once, and when the answer was there in full', () => {
    const { store, apply } = storeAtTime();
    const call = { traceId: TRACE, callId: 'c1', service: 'gateway' };
    const http = { 'http.request.method': 'POST', 'url.path': '/v1/chat' };
    const upstream = { ...call, spanId: spanId(2), parentSpanId: spanId(1), spanKind: 'client', name: 'POST' } as const;
    const event = (
      name: string,
      atMs: number,
      attributes: Record<string, string | number>,
      severity: 'info' | 'error' = 'info',
    ) => frame('event', atMs, { ...call, spanId: spanId(1), name: `gateway.${name}`, attributes, severity });
    apply(
      start(1, 0, { ...call, name: 'POST', spanKind: 'server', attributes: http }),
      event('request_received', 1, http),
      start(2, 10, { ...upstream, attributes: http }),
      event('request_sent', 11, { 'upstream.host': 'api.example', 'gen_ai.request.model': 'gpt-4o' }),
      event('response_received', 200, { 'upstream.host': 'api.example', 'http.response.status_code': 200 }),
      end(2, 900, 890, { ...upstream, attributes: http }),
      event('response_sent', 901, {
        'http.response.status_code': 200,
        'gen_ai.usage.input_tokens': 5,
        'gateway.time_to_first_chunk_ms': 205,
        'gen_ai.response.time_to_first_chunk': 0.2,
      }),
    );
    const record = store.call('c1');
    if (record === undefined) throw new Error('no call');
    const story = tellCall(record, (START_MS + 1_000) * 1_000);
    expect(story).toMatchObject({ request: 'POST /v1/chat', firstTokenMs: 206 });
    expect(story.steps.map(({ title, detail }) => `${title}: ${detail}`)).toEqual([
      'Request received: POST /v1/chat',
      'Sent to upstream: gpt-4o at api.example, attempt 1',
      'Upstream answered: 200',
      'First token: after 206 ms',
      'Upstream finished: ',
      'Response sent: 200, 5 tokens (5 in, ? out)',
    ]);
    apply(end(3, 950, 10, { ...upstream, spanId: spanId(3), status: 'error', statusMessage: 'other side closed' }));
    const failed = tellCall(record, (START_MS + 1_000) * 1_000).steps.at(-1);
    expect(failed).toMatchObject({ title: 'POST failed', detail: 'other side closed', state: 'error' });
    apply(end(1, 960, 960, { ...call, name: 'POST', spanKind: 'server' }));
    expect(record.errorCount).toBe(1);
    // What was tried and failed on the way is told; the request itself was answered.
    expect(tellCall(record, (START_MS + 1_000) * 1_000).state).toBe('ok');
    apply(event('response_sent', 970, { 'http.response.status_code': 502 }, 'error'));
    expect(tellCall(record, (START_MS + 1_000) * 1_000).state).toBe('error');
  });
});

describe('only what runs', () => {
  it('is a choice of the page, so that a row is taken away when it ends', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { name: 'a' }), start(2, 5, { name: 'b' }), frame('event', 6, { name: 'alone' }));
    store.isRunningOnly.value = true;
    expect(describeRows(store)).toEqual(['running b', 'running a']);
    apply(end(2, 20, 15, { name: 'b' }));
    expect(describeRows(store)).toEqual(['running a']);
    store.order.value = 'duration';
    expect(describeRows(store)).toEqual(['running a']);
    apply(end(1, 30, 30, { name: 'a' }));
    store.order.value = 'newest';
    expect(store.rows.value.count).toBe(0);
    store.isRunningOnly.value = false;
    expect(store.rows.value.count).toBe(3);
  });
});
