import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { createServer, type LivespanServer } from '../../src/server/index.ts';
import { until } from '../gateway/support/harness.ts';
import { type Example, startExample } from './support/example.ts';

let server: LivespanServer;
let upstream: Example;
let gateway: Example;

beforeAll(async () => {
  server = await createServer({ url: 'memory:', port: 0 });
  upstream = await startExample('gateway/upstream.js', {});
  gateway = await startExample('gateway/server.js', {
    UPSTREAM_URL: upstream.url,
    LIVESPAN_URL: server.url,
    OTEL_SERVICE_NAME: 'gateway',
    OTEL_TRACES_EXPORTER: 'none',
  });
});

afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
  await server?.close();
});

/** Follows the stream with nothing but fetch, one JSON a line. */
async function follow(filter: string, signal: AbortSignal): Promise<Activity[]> {
  const seen: Activity[] = [];
  const query = new URLSearchParams({ format: 'ndjson', since: '0-0', filter });
  const answer = await fetch(`${server.url}/activity/stream?${query}`, { signal });
  expect(answer.status).toBe(200);
  const read = async () => {
    let rest = '';
    for await (const chunk of answer.body ?? []) {
      const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.includes('"kind"')) seen.push(JSON.parse(line) as Activity);
    }
  };
  read().catch(() => undefined);
  return seen;
}

describe('the gateway example over a livespan server, without Redis', () => {
  it('is live, each event once, and does not see how its own events travel', async () => {
    const stop = new AbortController();
    const seen = await follow('service:gateway', stop.signal);
    const requests = 10;
    const body = JSON.stringify({ model: 'normal', messages: [{ role: 'user', content: 'Hi' }] });
    for (let i = 0; i < requests; i += 1) {
      const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body });
      expect(answer.status).toBe(200);
      await answer.text();
    }
    const count = (name: string) => seen.filter((activity) => activity.name === name).length;
    await until('all responses', () => count('gateway.response_sent') === requests);
    await until('all ends', () => seen.filter(({ kind }) => kind === 'span.end').length === requests * 2);
    stop.abort();
    for (const name of [
      'gateway.request_received',
      'gateway.request_sent',
      'gateway.response_received',
      'chat.answered',
    ]) {
      expect([name, count(name)]).toEqual([name, requests]);
    }
    const upstreamHost = new URL(upstream.url).host;
    const hosts = seen.map(({ attributes }) => attributes['upstream.host']).filter((host) => host !== undefined);
    expect(new Set(hosts)).toEqual(new Set([upstreamHost]));
    const client = seen.filter(({ kind, spanKind }) => kind === 'span.end' && spanKind === 'client');
    expect(client).toHaveLength(requests);
    expect(new Set(seen.map(({ id, kind }) => `${kind} ${id}`)).size).toBe(seen.length);
  });
});
