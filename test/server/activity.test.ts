import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { getJson, post, problem, request, serve } from './http.ts';

interface Page {
  items: (Activity & { cursor: string })[];
  next?: string;
  complete: boolean;
  missed?: number;
  reset?: true;
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function fill(url: string, count: number, name = 'test.event'): Promise<void> {
  const activities = Array.from({ length: count }, (_, index) => ({
    name: index % 10 === 0 ? 'test.tenth' : name,
    severity: index === 3 ? 'error' : 'info',
    attributes: { index },
  }));
  for (let at = 0; at < count; at += 5_000) {
    const answer = await post(url, { activities: activities.slice(at, at + 5_000) });
    expect(answer.status).toBe(200);
  }
}

const indexes = (page: Page) => page.items.map(({ attributes }) => attributes.index);

describe.each(['memory', 'redis'])('GET /activity over %s', (kind) => {
  const start = (options = {}) => serve({ url: kind === 'memory' ? 'memory:' : redis.url, ...options });

  it('pages both ways without a hole or a repetition', async () => {
    const { url } = await start();
    await fill(url, 250);
    const expected = Array.from({ length: 250 }, (_, index) => index);
    for (const order of ['asc', 'desc'] as const) {
      const seen: unknown[] = [];
      let path = `/activity?order=${order}&limit=40`;
      for (let turns = 0; path !== ''; turns++) {
        expect(turns).toBeLessThan(10);
        const response = await fetch(url + path);
        const page = (await response.json()) as Page;
        expect(page.complete).toBe(true);
        seen.push(...indexes(page));
        path = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
        expect(path === '').toBe(page.next === undefined);
      }
      expect(seen).toEqual(order === 'asc' ? expected : expected.toReversed());
    }
  });

  it('gives the newest first, 100 of them, with the cursor as first member', async () => {
    const { url } = await start();
    await fill(url, 150);
    const response = await fetch(`${url}/activity`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const body = await response.text();
    expect(body).toMatch(/^\{"items":\[\{"cursor":"\d+-150","id":/);
    expect(indexes(JSON.parse(body) as Page)).toEqual(Array.from({ length: 100 }, (_, index) => 149 - index));
  });

  it('takes bounds as cursor, time and duration', async () => {
    const { url } = await start();
    await fill(url, 20);
    const { items } = await getJson<Page>(`${url}/activity?order=asc`);
    const since = items[4]?.cursor ?? '';
    const until = items[9]?.cursor ?? '';
    expect(indexes(await getJson<Page>(`${url}/activity?order=asc&since=${since}&until=${until}`))).toEqual([
      5, 6, 7, 8,
    ]);
    expect(indexes(await getJson<Page>(`${url}/activity?since=${since}&until=${until}`))).toEqual([8, 7, 6, 5]);
    expect((await getJson<Page>(`${url}/activity?since=1h`)).items).toHaveLength(20);
    expect((await getJson<Page>(`${url}/activity?until=1h`)).items).toHaveLength(0);
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    expect((await getJson<Page>(`${url}/activity?since=${soon}`)).items).toHaveLength(0);
    expect((await getJson<Page>(`${url}/activity?until=${soon}`)).items).toHaveLength(20);
  });

  it('filters, and gives the newest match alone', async () => {
    const { url } = await start();
    await fill(url, 30);
    expect(indexes(await getJson<Page>(`${url}/activity?filter=name:test.tenth`))).toEqual([20, 10, 0]);
    expect(await getJson<Activity>(`${url}/activity/latest`)).toMatchObject({ attributes: { index: 29 } });
    const filter = encodeURIComponent('severity:>=error');
    expect(await getJson<Activity>(`${url}/activity/latest?filter=${filter}`)).toMatchObject({
      attributes: { index: 3 },
    });
    await post(url, { activities: [{ kind: 'notice', name: 'livespan.dropped' }] });
    expect((await getJson<Page>(`${url}/activity?filter=name:nothing`)).items).toHaveLength(1);
    expect(await getJson<Activity>(`${url}/activity/latest?filter=kind:notice`)).toMatchObject({
      name: 'livespan.dropped',
    });
    const none = await request(url, 'GET /activity/latest?filter=name:nothing');
    expect([none.status, problem(none)]).toMatchObject([404, { code: 'not_found', complete: true }]);
  });

  it('examines 20,000 entries at most, and says so', async () => {
    const { url } = await start({ logCountMax: 50_000 });
    await post(url, { activities: [{ name: 'the.first' }] });
    await fill(url, 20_500);
    const first = await getJson<Page>(`${url}/activity?filter=name:the.first`);
    expect([first.items.length, first.complete]).toEqual([0, false]);
    const second = await getJson<Page>(`${url}/activity?filter=name:the.first&until=${first.next}`);
    expect([second.items.length, second.complete, second.next]).toEqual([1, true, undefined]);
    const none = await request(url, 'GET /activity/latest?filter=name:the.first');
    expect(problem(none)).toMatchObject({ status: 404, complete: false });
  });

  it('answers many at once', async () => {
    const { url } = await start();
    await fill(url, 1_500);
    const pages = await Promise.all(
      Array.from({ length: 30 }, () => getJson<Page>(`${url}/activity?filter=name:test.tenth&limit=1000`)),
    );
    for (const { items } of pages) expect(items).toHaveLength(150);
  });

  it('ends a page of large activities before its limit', async () => {
    const { url } = await start();
    const summary = 'a'.repeat(900_000);
    for (let count = 0; count < 12; count++) await post(url, { activities: [{ name: 'large', summary }] });
    const first = await getJson<Page>(`${url}/activity`);
    expect([first.items.length < 12, first.next !== undefined]).toEqual([true, true]);
    const second = await getJson<Page>(`${url}/activity?until=${first.next}`);
    expect(first.items.length + second.items.length).toBe(12);
  });

  it('says what is missing after a cursor', async () => {
    const { url } = await start({ logCountMax: 100 });
    await fill(url, 10);
    const oldest = (await getJson<Page>(`${url}/activity?order=asc&limit=1`)).items[0]?.cursor ?? '';
    await fill(url, 5_000);
    const page = await getJson<Page>(`${url}/activity?order=asc&limit=1&since=${oldest}`);
    const first = Number(page.items[0]?.cursor.split('-')[1]);
    expect(page.missed).toBe(first - 2);
    expect((await getJson<Page>(`${url}/activity?order=asc&limit=1&since=0-0`)).missed).toBeUndefined();
    expect((await getJson<Page>(`${url}/activity?order=asc&limit=1&since=1-999999`)).reset).toBe(true);
  });

  it('skips what others wrote into the log', async () => {
    const { url } = await start(kind === 'redis' ? { feed: 'junk:x' } : {});
    await post(url, { activities: [{ name: 'a' }] });
    if (kind === 'redis') {
      await redis.cli('XADD', 'junk:x', '*', 'foo', 'bar');
      await redis.cli('XADD', 'junk:x', '*', 'activity', '{"not":"ours"}');
    }
    await post(url, { activities: [{ name: 'b' }] });
    const { items } = await getJson<Page>(`${url}/activity?order=asc`);
    expect(items.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

describe('bad queries', () => {
  it('are 400, and say which parameter and where', async () => {
    const { url } = await serve();
    const cases: [path: string, code: string, details: object][] = [
      ['/activity?limit=0', 'invalid_request', { parameter: 'limit' }],
      ['/activity?limit=1001', 'invalid_request', { parameter: 'limit' }],
      ['/activity?limit=ten', 'invalid_request', { parameter: 'limit' }],
      ['/activity?limit=1.5', 'invalid_request', { parameter: 'limit' }],
      ['/activity?limit=1&limit=2', 'invalid_request', { parameter: 'limit' }],
      ['/activity?order=up', 'invalid_request', { parameter: 'order' }],
      ['/activity?since=yesterday', 'invalid_cursor', { parameter: 'since' }],
      ['/activity?until=1-2-3', 'invalid_cursor', { parameter: 'until' }],
      ['/activity?filter=severity:', 'invalid_filter', { parameter: 'filter' }],
      ['/activity?filter=name:a%20colour:red', 'invalid_filter', { parameter: 'filter', column: 8 }],
      [`/activity?filter=${'a'.repeat(2_001)}`, 'invalid_filter', { parameter: 'filter' }],
      ['/activity?fliter=x', 'invalid_request', { parameter: 'fliter' }],
      ['/activity/latest?limit=1', 'invalid_request', { parameter: 'limit' }],
      ['/activity/stream?fliter=x', 'invalid_request', { parameter: 'fliter' }],
      ['/activity/stream?filter=colour:red', 'invalid_filter', { column: 1 }],
      ['/activity/stream?since=soon', 'invalid_cursor', { parameter: 'since' }],
      ['/traces/xyz', 'invalid_request', { parameter: 'traceId' }],
      [`/traces/${'0'.repeat(32)}`, 'invalid_request', { parameter: 'traceId' }],
      ['/activity?__proto__=x', 'invalid_request', { parameter: '__proto__' }],
    ];
    for (const [path, code, details] of cases) {
      const answer = await request(url, `GET ${path}`);
      expect([path, answer.status, problem(answer)]).toMatchObject([path, 400, { code, ...details }]);
    }
  });
});
