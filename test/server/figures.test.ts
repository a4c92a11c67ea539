import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startRedis } from '../support/redis.ts';
import { getJson, post, problem, request, serve } from './http.ts';

/** Sample values by their line's name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-z_][a-z0-9_]*(?:\{[^}]*\})?) (\S+)$/.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    samples.set(match[1] ?? '', Number(match[2]));
  }
  return samples;
}

describe('GET /metrics', () => {
  it('counts what came, what was refused and why, and who reads', async () => {
    const { url } = await serve();
    const before = await scrape(url);
    expect(before.get('livespan_ingest_activities_total')).toBe(0);
    await post(url, { activities: [{ name: 'a' }, { name: 'b' }, {}] });
    await post(url, { producer: 'p', batch: 5, acked: 1, activities: [{ name: 'a' }] });
    await post(url, { producer: 'p', batch: 2, acked: 1, activities: [{ name: 'a' }] });
    await post(url, 'nonsense');
    const stream = new AbortController();
    const response = await fetch(`${url}/activity/stream?since=1h`, { signal: stream.signal });
    await response.body?.getReader().read();
    await request(url, 'GET /no/such/path');
    await request(url, 'GET /traces/4bf92f3577b34da6a3ce929d0e0e4736');
    const samples = await scrape(url);
    const expected: [sample: string, value: number][] = [
      ['livespan_ingest_requests_total', 4],
      ['livespan_ingest_activities_total', 3],
      ['livespan_ingest_rejected_total{reason="invalid_activity"}', 1],
      ['livespan_ingest_failed_total{reason="out_of_order"}', 1],
      ['livespan_log_connected', 1],
      ['livespan_feed_connected', 1],
      ['livespan_feed_received_total', 3],
      ['livespan_feed_missed_total', 0],
      ['livespan_readers', 1],
      ['livespan_readers_opened_total', 1],
      ['livespan_readers_refused_total', 0],
      ['livespan_readers_ended_total{reason="stalled"}', 0],
      ['livespan_server_connections_dropped_total', 0],
      [
        'http_server_request_duration_seconds_count{http_route="/ingest",http_request_method="POST",http_response_status_code="200"}',
        2,
      ],
      [
        'http_server_request_duration_seconds_count{http_route="/ingest",http_request_method="POST",http_response_status_code="400"}',
        1,
      ],
      [
        'http_server_request_duration_seconds_count{http_route="unknown",http_request_method="GET",http_response_status_code="404"}',
        1,
      ],
      [
        'http_server_request_duration_seconds_count{http_route="/traces/:traceId",http_request_method="GET",http_response_status_code="404"}',
        1,
      ],
    ];
    for (const [sample, value] of expected) expect([sample, samples.get(sample)]).toEqual([sample, value]);
    for (const name of [
      'nodejs_eventloop_delay_p99_seconds',
      'v8js_memory_heap_used_bytes',
      'process_memory_usage_bytes',
    ]) {
      expect([name, Number(samples.get(name)) > 0]).toEqual([name, true]);
    }
    expect(samples.get('process_cpu_time_seconds_total{cpu_mode="user"}')).toBeGreaterThan(0);
    stream.abort();
  });

  it('keeps its labels few, whatever callers ask for', async () => {
    const { url } = await serve();
    const before = (await scrape(url)).size;
    for (let turn = 0; turn < 30; turn++) await request(url, `GET /made/up/${turn}`);
    for (let turn = 0; turn < 30; turn++) await request(url, `GET /traces/${turn.toString(16).padStart(31, '1')}0`);
    expect((await scrape(url)).size - before).toBeLessThan(100);
  });
});

describe('GET /stats', () => {
  it('shows log, feed, readers and doors', async () => {
    const { url } = await serve();
    await post(url, { activities: [{ name: 'a' }] });
    const stats = await getJson<Record<string, unknown>>(`${url}/stats`);
    expect(stats).toMatchObject({
      log: {
        description: 'memory',
        connected: true,
        length: 1,
        bytes: expect.any(Number),
        countMax: 100_000,
        bytesMax: 256 * 1_048_576,
      },
      feed: { connected: true, received: 1, ringSlots: 1 },
      readers: { readers: 0, refused: 0 },
      ingest: { requests: 1, accepted: 1 },
      instanceWatch: { lost: 0 },
    });
  });

  it('tells what is kept of a log in Redis, also while that is away', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const { url } = await serve({ url: redis.url, logCountMax: 5_000, logAgeMaxMs: 3_600_000 });
    const limits = { countMax: 5_000, ageMaxMs: 3_600_000 };
    const { log } = await getJson<{ log: object }>(`${url}/stats`);
    expect(log).toMatchObject({ connected: true, length: 0, ...limits });
    expect(log).not.toHaveProperty('bytesMax');
    await redis.kill();
    await vi.waitFor(async () => expect(await getJson(`${url}/stats`)).toMatchObject({ log: { connected: false } }), {
      timeout: 20_000,
    });
    expect(await getJson(`${url}/stats`)).toMatchObject({ log: limits });
  });
});

describe('a Redis that is full', () => {
  it('makes the server not ready, which says why, until something is taken again', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const { url } = await serve({ url: redis.url });
    expect((await request(url, 'GET /ready')).status).toBe(200);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    expect(problem(await post(url, { activities: [{ name: 'a' }] }))).toMatchObject({ code: 'log_full' });
    expect(problem(await request(url, 'GET /ready'))).toMatchObject({
      status: 503,
      code: 'log_full',
      detail: expect.stringMatching(/is full: its maxmemory is reached/),
    });
    expect(await getJson(`${url}/stats`)).toMatchObject({ log: { connected: true, problem: { code: 'log_full' } } });
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    expect((await post(url, { activities: [{ name: 'a' }] })).status).toBe(200);
    expect((await request(url, 'GET /ready')).status).toBe(200);
  });
});

describe('a Redis that answers nothing', () => {
  it('makes the server not ready within seconds, and nothing hangs', async () => {
    const redis = await startRedis();
    const { url } = await serve({ url: redis.url });
    await post(url, { activities: [{ name: 'a' }] });
    redis.pause();
    const late = AbortSignal.timeout(20_000);
    const bounded = <T>(work: Promise<T>): Promise<T> =>
      Promise.race([
        work,
        sleep(20_000, undefined, { signal: late, ref: false }).then(() => Promise.reject(new Error('hangs'))),
      ]);
    const [ready, written, page] = await bounded(
      Promise.all([
        request(url, 'GET /ready'),
        post(url, { activities: [{ name: 'b' }] }),
        request(url, 'GET /activity'),
      ]),
    );
    expect([ready.status, problem(ready).code]).toEqual([503, 'log_unavailable']);
    for (const answer of [written, page]) expect([503, 504]).toContain(answer.status);
    expect(Number(written.headers['retry-after'])).toBeGreaterThan(0);
    expect((await request(url, 'GET /health')).status).toBe(200);
    redis.resume();
    await redis.stop();
  });
});
