import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAttemptLimit } from '../../src/server/attempt-limit.ts';
import { createServer } from '../../src/server/index.ts';
import { createSessions, readCookie } from '../../src/server/sessions.ts';
import { problem, request, serve } from './http.ts';

const TOKEN = 'a-token-of-the-test';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('Host and Origin', () => {
  it('answers to its own names only', async () => {
    const { url } = await serve({ allowedHost: ['Monitor.Example', 'other.example:8080'] });
    const { port } = new URL(url);
    const status = async (host: string) => (await request(url, 'GET /stats', { host })).status;
    for (const host of [
      'localhost',
      `LOCALHOST:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
      'monitor.example',
      'other.example:1',
    ]) {
      expect([host, await status(host)]).toEqual([host, 200]);
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      '10.1.2.3',
      '',
    ]) {
      expect([host, await status(host)]).toEqual([host, 421]);
    }
    expect(problem(await request(url, 'GET /health', { host: 'evil.example' })).code).toBe('host_not_allowed');
  });

  it('refuses what pages of other sites send', async () => {
    const { url } = await serve();
    const send = (headers: Record<string, string>, line = 'GET /activity') => request(url, line, headers);
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'http://127.0.0.1:1' },
      { origin: 'null' },
      { origin: 'nonsense' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    ];
    for (const headers of foreign) {
      for (const line of ['GET /activity', 'GET /activity/stream', 'POST /ingest', 'GET /health']) {
        const answer = await send(headers, line);
        expect([headers, line, answer.status, problem(answer).code]).toEqual([headers, line, 403, 'forbidden']);
      }
    }
    expect((await send({ origin: url, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect((await send({ 'sec-fetch-site': 'none' })).status).toBe(200);
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await send(link, 'GET /')).status).toBe(200);
    expect((await send(link, 'POST /ingest')).status).toBe(403);
  });
});

describe('the token', () => {
  it('is asked for before others can reach the server', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com']) {
      const error = await createServer({ host, port: 0, url: 'memory:' }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid_option', details: { option: 'host' } });
      expect(String(error)).toContain('LIVESPAN_TOKEN');
    }
    const { url } = await serve({ host: '0.0.0.0', token: TOKEN });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/stats`)).status).toBe(401);
  });

  it('stands before everything but health and readiness', async () => {
    const { url } = await serve({ token: TOKEN });
    for (const path of ['/health', '/ready']) expect((await fetch(url + path)).status).toBe(200);
    const closed = [
      '/activity',
      '/activity/latest',
      '/activity/stream',
      '/stats',
      '/metrics',
      '/nothing',
      '/monitor/assets/index.js',
      '/traces/4bf92f3577b34da6a3ce929d0e0e4736',
    ];
    for (const path of closed) {
      const answer = await request(url, `GET ${path}`);
      expect([path, answer.status, problem(answer).code]).toEqual([path, 401, 'unauthenticated']);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    expect(
      (await request(url, 'POST /ingest', { 'content-type': 'application/json' }, '{"activities":[]}')).status,
    ).toBe(401);
    const authorization = `Bearer ${TOKEN}`;
    expect((await request(url, 'GET /stats', { authorization })).status).toBe(200);
    for (const wrong of [`Bearer ${TOKEN}x`, 'Bearer ', `Basic ${TOKEN}`, TOKEN]) {
      expect((await request(url, 'GET /stats', { authorization: wrong })).status).toBe(401);
    }
  });

  it('signs a browser in by a cookie that holds no token, and out again', async () => {
    const { url } = await serve({ token: TOKEN });
    const page = await request(url, 'GET /');
    expect([page.status, page.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
    expect(page.body).toContain('action="/sign-in"');
    const wrong = await request(url, 'POST /sign-in', { ...FORM, origin: url }, 'token=not-the-token');
    expect([wrong.status, wrong.headers['set-cookie']]).toEqual([401, undefined]);
    const right = await request(url, 'POST /sign-in', { ...FORM, origin: url }, `token=${TOKEN}`);
    expect([right.status, right.headers.location]).toEqual([303, '/']);
    const set = right.headers['set-cookie'] ?? '';
    expect(set).toMatch(
      new RegExp(`^livespan_session_${new URL(url).port}=[\\w-]{43}; Path=/; Max-Age=\\d+; HttpOnly; SameSite=Strict$`),
    );
    expect(set).not.toContain(TOKEN);
    const cookie = set.split(';', 1)[0] ?? '';
    expect((await request(url, 'GET /stats', { cookie: `a=b; ${cookie}` })).status).toBe(200);
    expect((await request(url, 'GET /', { cookie })).status).toBe(200);
    expect((await request(url, 'GET /stats', { cookie: `${cookie}x` })).status).toBe(401);
    const out = await request(url, 'POST /sign-out', { ...FORM, cookie, origin: url });
    expect(out.headers['set-cookie']).toContain('Max-Age=0');
    expect((await request(url, 'GET /stats', { cookie })).status).toBe(401);
  });

  it('is no longer stood for by a session that has ended, also on a stream under way', async () => {
    const { url } = await serve({ token: TOKEN });
    const signIn = async (): Promise<string> => {
      const answer = await request(url, 'POST /sign-in', { ...FORM, origin: url }, `token=${TOKEN}`);
      return (answer.headers['set-cookie'] ?? '').split(';', 1)[0] ?? '';
    };
    const open = async (headers: Record<string, string>) => {
      const response = await fetch(`${url}/activity/stream`, { headers });
      let isOver = false;
      const over = (): void => {
        isOver = true;
      };
      response.text().then(over, over);
      return { status: response.status, isOver: () => isOver };
    };
    const [cookie, other] = [await signIn(), await signIn()];
    const streams = [{ cookie }, { cookie }, { cookie: other }, { cookie, authorization: `Bearer ${TOKEN}` }];
    const [first, second, theirs, byToken] = await Promise.all(streams.map(open));
    expect([first?.status, byToken?.status]).toEqual([200, 200]);
    await request(url, 'POST /sign-out', { ...FORM, cookie, origin: url });
    await vi.waitFor(() => expect([first?.isOver(), second?.isOver()]).toEqual([true, true]), { timeout: 10_000 });
    expect([theirs?.isOver(), byToken?.isOver()]).toEqual([false, false]);
  });

  it('has to be given again when the session has run out', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const sessions = createSessions({ port: () => 1 });
    const ended: string[] = [];
    const [kept, left] = [sessions.open(), sessions.open()];
    sessions.watch(kept, () => ended.push('kept'));
    sessions.watch(left, () => ended.push('left'))();
    vi.advanceTimersByTime(11.9 * 3_600_000);
    expect([sessions.holds(kept), ended]).toEqual([true, []]);
    vi.advanceTimersByTime(0.2 * 3_600_000);
    expect([sessions.holds(kept), ended]).toEqual([false, ['kept']]);
  });

  it('marks the cookie Secure for a browser that came by https, and takes no foreign sign-in', async () => {
    const { url } = await serve({ token: TOKEN, allowedHost: ['monitor.example'] });
    const body = `token=${TOKEN}`;
    const proxied = await request(url, 'POST /sign-in', { ...FORM, origin: 'https://monitor.example' }, body);
    expect(proxied.headers['set-cookie']).toMatch(/; Secure$/);
    expect((await request(url, 'POST /sign-in', { ...FORM, origin: 'https://evil.example' }, body)).status).toBe(403);
    const json = { 'content-type': 'application/json' };
    expect((await request(url, 'POST /sign-in', json, JSON.stringify({ token: TOKEN }))).status).toBe(415);
  });

  it('may be guessed at ten times a minute', async () => {
    const { url } = await serve({ token: TOKEN });
    const statuses: number[] = [];
    for (let turn = 0; turn < 12; turn++) {
      statuses.push((await request(url, 'POST /sign-in', FORM, `token=guess-${turn}`)).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    const right = await request(url, 'POST /sign-in', FORM, `token=${TOKEN}`);
    expect([right.status, problem(right).code, right.headers['retry-after']]).toEqual([429, 'too_many_requests', '60']);
    expect((await request(url, 'GET /stats', { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });
});

describe('sessions and tries', () => {
  it('run out and are bounded', () => {
    let nowMs = 1_000;
    const sessions = createSessions({ port: () => 1, now: () => nowMs });
    const first = sessions.open();
    expect(sessions.holds(first)).toBe(true);
    for (let count = 0; count < 1_500; count++) sessions.open();
    expect(sessions.size).toBeLessThanOrEqual(1_000);
    expect(sessions.holds(first)).toBe(false);
    const last = sessions.open();
    nowMs += 12 * 3_600_000;
    expect(sessions.holds(last)).toBe(false);
  });

  it('read one cookie out of many', () => {
    expect(readCookie('a=1; livespan_session_1=x=y ;b', 'livespan_session_1')).toBe('x=y');
    expect(readCookie('a=1', 'b')).toBeUndefined();
    expect(readCookie(undefined, 'b')).toBeUndefined();
  });

  it('count failures in total too, and forget them after the window', () => {
    let nowMs = 0;
    const limit = createAttemptLimit({ perAddressMax: 2, totalMax: 5, windowMs: 100, now: () => nowMs });
    for (const address of ['a', 'a', 'b', 'c']) limit.fail(address);
    expect([limit.allows('a'), limit.allows('b')]).toEqual([false, true]);
    limit.fail('d');
    expect(limit.allows('e')).toBe(false);
    nowMs = 100;
    expect(limit.allows('a')).toBe(true);
  });
});
