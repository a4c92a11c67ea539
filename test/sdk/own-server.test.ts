import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { openBus } from '../../src/bus/open-bus.ts';
import { createPublisher } from '../../src/sdk/publisher.ts';
import { createServer } from '../../src/server/index.ts';
import { createAuthority } from '../support/certificates.ts';
import { startRedis, uniqueFeed } from '../support/redis.ts';
import { readAll, until } from './support/reading.ts';

const run = promisify(execFile);
const endings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

test('a livespan server that restarts under load: everything arrives once and in order', async () => {
  const redis = await startRedis();
  endings.push(() => redis.stop());
  const feed = uniqueFeed();
  const first = await createServer({ url: redis.url, feed, port: 0, otlp: false });
  const port = Number(new URL(first.url).port);
  const publisher = createPublisher({ url: first.url, instance: 'app-1', closeTimeoutMs: 20_000 });
  endings.push(() => publisher.close());
  let next = 0;
  const load = setInterval(() => {
    for (let count = 0; count < 20; count++) publisher.publish({ name: 'a.b', attributes: { index: next++ } });
  }, 5);
  await until(() => publisher.stats().published > 500, 'the server to take some');
  await first.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const second = await createServer({ url: redis.url, feed, port, otlp: false });
  endings.push(() => second.close());
  const { published } = publisher.stats();
  await until(() => publisher.stats().published > published + 500, 'the next server to take some');
  clearInterval(load);
  await publisher.flush();
  expect(publisher.stats()).toMatchObject({ emitted: next, published: next, queued: 0 });
  await publisher.close();
  const bus = await openBus({ url: redis.url, feed, keepAlive: true });
  endings.push(() => bus.close());
  await bus.ready();
  const events = (await readAll(bus)).filter(({ kind }) => kind === 'event');
  expect(events.map(({ attributes }) => attributes.index)).toEqual([...Array(next).keys()]);
});

test('a livespan server behind TLS, with its token; without trust the publisher says why', async () => {
  const authority = await createAuthority();
  endings.push(() => authority.remove());
  const server = await createServer({
    url: 'memory:',
    feed: uniqueFeed(),
    port: 0,
    otlp: false,
    token: 'a-token-of-the-test',
  });
  endings.push(() => server.close());
  const { key, certificate } = await authority.issue(['DNS:localhost']);
  const files = { key: readFileSync(key), cert: readFileSync(certificate) };
  const front = createTlsServer(files, (socket) => {
    const back = connect(Number(new URL(server.url).port), '127.0.0.1');
    for (const end of [socket, back]) end.on('error', () => undefined);
    socket.pipe(back).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  endings.push(async () => void front.close());
  const url = `https://localhost:${(front.address() as AddressInfo).port}`;
  const program = `
    import { createPublisher } from './src/sdk/publisher.ts';
    const publisher = createPublisher({ url: '${url}', token: 'a-token-of-the-test', closeTimeoutMs: 3000 });
    for (const name of ['a.one', 'a.two']) publisher.publish({ name });
    await publisher.flush();
    console.log(publisher.stats().published);
    await publisher.close();`;
  const start = (env: Record<string, string>) =>
    run(process.execPath, ['--input-type=module', '-e', program], { timeout: 25_000, env: { ...process.env, ...env } });
  const trusting = await start({ NODE_EXTRA_CA_CERTS: authority.ca });
  expect(trusting).toEqual({ stdout: '2\n', stderr: '' });
  const answer = await fetch(`${server.url}/activity?filter=kind:event`, {
    headers: { authorization: 'Bearer a-token-of-the-test' },
  });
  const { items } = (await answer.json()) as { items: { name: string }[] };
  expect(items.map(({ name }) => name)).toEqual(['a.two', 'a.one']);
  const doubting = await start({});
  expect(doubting.stdout).toBe('0\n');
  expect(doubting.stderr).toMatch(/the certificate of localhost:\d+ is not trusted .*NODE_EXTRA_CA_CERTS/);
  expect(doubting.stderr).not.toContain('a-token-of-the-test');
});
