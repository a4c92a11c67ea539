import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer as createNetServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createServer, type ServerOptions } from '../../src/server/index.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { getJson, post, problem, request, serve } from './http.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const run = promisify(execFile);

async function busyPort(): Promise<{ port: number; server: Server }> {
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

describe('start and end', () => {
  it('says which option is wrong', async () => {
    const cases: [options: Parameters<typeof createServer>[0], text: RegExp][] = [
      [{ url: 'http://127.0.0.1:1' }, /^LivespanError: url: /],
      [{ url: 'nonsense' }, /url/],
      [{ port: 70_000 }, /port/],
      [{ feed: 'a b' }, /feed/],
      [{ token: 'short', host: '0.0.0.0' }, /token/],
      [{ host: 'no such host', token: 'long-enough' }, /host/],
    ];
    for (const [options, text] of cases) {
      const error = await createServer({ url: 'memory:', port: 0, ...options }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid_option' });
      expect(String(error)).toMatch(text);
    }
  });

  it('takes null for no options, and says what can be none', async () => {
    await expect(createServer('memory:' as ServerOptions)).rejects.toMatchObject({ code: 'invalid_option' });
    vi.stubEnv('LIVESPAN_PORT', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const server = await createServer(null as unknown as ServerOptions);
    await server.close();
  });

  it('says that the port is taken, and leaves nothing open', async () => {
    const { port, server } = await busyPort();
    const error = await createServer({ url: 'memory:', port }).catch((thrown: unknown) => thrown);
    server.close();
    expect(error).toMatchObject({ code: 'address_in_use', details: { port } });
  });

  it('may be closed twice, with requests and streams under way', async () => {
    const server = await serve();
    const stream = await fetch(`${server.url}/activity/stream`);
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const [first, second] = [server.close(), server.close()];
    await Promise.all([first, second, stream.text()]);
    await server.close();
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  it('answers in problem details while it closes', async () => {
    const server = await serve();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const body = '{"activities":[]}';
    const head = `POST /ingest HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(head);
    // Known to be under way once the same connection's listener has it: a second connection is answered after it.
    await fetch(`${server.url}/health`);
    const closed = server.close();
    socket.write(`${body}GET /stats HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    const answers = await text(socket);
    await closed;
    expect(answers).toMatch(/^HTTP\/1\.1 (200|503) /);
    expect(answers).not.toContain('FST_ERR');
  });

  it('leaves no handle: a process that closes its server ends by itself', async () => {
    const script = `
      import { createServer } from ${JSON.stringify(new URL('../../src/server/index.ts', import.meta.url).href)};
      const server = await createServer({ url: 'memory:', port: 0 });
      const answer = await fetch(server.url + '/health');
      console.log(answer.status, await answer.text());
      await server.close();`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 25_000 });
    expect(stdout).toBe('200 {"status":"ok"}\n');
  });
});

describe('while Redis is away', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it('starts, says why it is not ready, answers 503, and serves as soon as Redis comes', async () => {
    await redis.kill();
    const { url } = await serve({ url: redis.url });
    expect((await request(url, 'GET /health')).status).toBe(200);
    const ready = await request(url, 'GET /ready');
    expect([ready.status, problem(ready)]).toMatchObject([503, { code: 'log_unavailable' }]);
    expect(problem(ready).detail).toContain(`127.0.0.1:${redis.port}`);
    const refused = await post(url, { activities: [{ name: 'a' }] });
    expect([refused.status, problem(refused)]).toMatchObject([
      503,
      { code: 'log_unavailable', accepted: 0, applied: 'no' },
    ]);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    for (const path of ['/activity', '/activity/latest', '/traces/4bf92f3577b34da6a3ce929d0e0e4736']) {
      expect([path, (await request(url, `GET ${path}`)).status]).toEqual([path, 503]);
    }
    expect(await getJson(`${url}/stats`)).toMatchObject({
      log: { connected: false, problem: { code: 'log_unavailable' } },
      feed: { connected: false },
    });
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    await redis.restart();
    await vi.waitFor(async () => expect((await request(url, 'GET /ready')).status).toBe(200), PATIENCE);
    expect((await post(url, { activities: [{ name: 'a' }] })).status).toBe(200);
    expect(await getJson(`${url}/activity/latest`)).toMatchObject({ name: 'a' });
  });

  it('is awaited to its end: a process that closes its server while Redis is stalled or away ends by itself', async () => {
    const script = `
      import { createServer } from ${JSON.stringify(new URL('../../src/server/index.ts', import.meta.url).href)};
      const server = await createServer({ url: '${redis.url}', port: 0 });
      console.log((await fetch(server.url + '/ready')).status);
      process.kill(${redis.pid}, process.argv[1]);
      await server.close();
      console.log('closed');`;
    for (const signal of ['SIGSTOP', 'SIGKILL']) {
      const ended = run(process.execPath, ['--input-type=module', '-e', script, signal], { timeout: 25_000 });
      expect([signal, (await ended).stdout]).toEqual([signal, '200\nclosed\n']);
      redis.resume();
    }
    await redis.restart();
  });

  it('tells the operator, once, that the log went away and came back', async () => {
    const sentences: string[] = [];
    const say = (_namespace: string, ...parts: unknown[]) => sentences.push(parts.join(' '));
    diag.setLogger({ error: say, warn: say, info: say, debug: say, verbose: say }, DiagLogLevel.WARN);
    onTestFinished(() => diag.disable());
    await serve({ url: redis.url });
    await redis.kill();
    await vi.waitFor(() => expect(sentences.join('\n')).toContain('The log cannot be used'), PATIENCE);
    await redis.restart();
    await vi.waitFor(() => expect(sentences.join('\n')).toContain('The log can be used again'), PATIENCE);
    expect(sentences.filter((sentence) => sentence.startsWith('The log'))).toHaveLength(2);
  });

  it('tells the reason to those who have the token only', async () => {
    await redis.kill();
    const token = 'a-token-of-the-test';
    const { url } = await serve({ url: redis.url, token });
    const anybody = problem(await request(url, 'GET /ready'));
    expect(anybody).toMatchObject({ status: 503, code: 'log_unavailable' });
    expect(anybody.detail).not.toContain(String(redis.port));
    const operator = problem(await request(url, 'GET /ready', { authorization: `Bearer ${token}` }));
    expect(operator.detail).toContain(String(redis.port));
    await redis.restart();
  });

  it('never shows the password of its URL', async () => {
    const { url } = await serve({ url: redis.url.replace('redis://', 'redis://user:s3cret-pass@') });
    const answers = await Promise.all(
      ['/ready', '/stats', '/metrics', '/activity'].map((path) => request(url, `GET ${path}`)),
    );
    expect(answers[0]?.status).toBe(503);
    for (const { body } of answers) expect(body).not.toContain('s3cret-pass');
  });
});

describe('instances that fall silent', () => {
  it('are said to be lost once, by two servers on one log', async () => {
    const redis = await startRedis();
    const options = { url: redis.url, feed: 'watch:x', instanceSilentMs: 1_000 };
    const [one, two] = [await serve(options), await serve(options)];
    await post(one.url, { instance: 'host:1-abcd', service: 'shop', sign: 'started', activities: [] });
    const lost = async () => {
      const page = await getJson<{ items: { name: string }[] }>(`${two.url}/activity?filter=kind:notice`);
      return page.items.filter(({ name }) => name === 'livespan.instance_lost');
    };
    await vi.waitFor(
      async () => expect(await lost()).toMatchObject([{ instance: 'host:1-abcd', service: 'shop' }]),
      PATIENCE,
    );
    await post(one.url, { instance: 'host:1-abcd', service: 'shop', activities: [] });
    expect(await getJson(`${one.url}/activity/latest`)).toMatchObject({ name: 'livespan.instance_back' });
    expect(await lost()).toHaveLength(1);
    const watches = await Promise.all(
      [one, two].map(({ url }) => getJson<{ instanceWatch: { lost: number } }>(`${url}/stats`)),
    );
    expect(watches.reduce((sum, { instanceWatch }) => sum + instanceWatch.lost, 0)).toBe(1);
    await Promise.all([one.close(), two.close()]);
    await redis.stop();
  });
});
