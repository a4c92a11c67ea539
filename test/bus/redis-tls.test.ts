import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRedisBus } from '../../src/bus/redis-bus.ts';
import { redisFailure } from '../../src/bus/redis-failure.ts';
import type { LivespanError } from '../../src/errors.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { freePort, type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';

const run = promisify(execFile);

/** What the contract says a user of the feed needs, and nothing more. */
const RULES =
  '+hello +select +eval +evalsha +subscribe +ping +publish +time +xadd +xtrim +xrange +xrevrange +xinfo|stream +hset +hget +hmget +hgetall +hlen +hdel +pexpire +zadd +zscore +zremrangebyscore +zremrangebyrank';

let authority: Authority;
const servers: RedisServer[] = [];

beforeAll(async () => {
  authority = await createAuthority();
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await authority.remove();
});

/** A Redis with a TLS port beside its plain one. */
async function startTls(names: string[], more: string[] = ['--tls-auth-clients', 'no']) {
  const { key, certificate } = await authority.issue(names);
  const port = await freePort();
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', authority.ca];
  const redis = await startRedis({ args: ['--tls-port', String(port), ...files, ...more] });
  servers.push(redis);
  return { redis, port };
}

/** Runs a program that trusts the authority as a user would make it: by the environment. */
async function trusting(program: string): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 25_000,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: authority.ca },
  });
}

const refusalOf = (url: string): string => `
  import { openBus } from './src/bus/open-bus.ts';
  const bus = await openBus({ url: '${url}', feed: 'livespan:x', keepAlive: true });
  const { code, message } = await bus.ready().then(() => ({ code: 'connected' }), (reason) => reason);
  console.log(JSON.stringify({ code, message }));
  await bus.close();`;

test('over TLS, as a user with the least permissions, in a database of its own: log, live tail and feed', async () => {
  const { redis, port } = await startTls(['DNS:localhost', 'IP:127.0.0.1']);
  const feed = uniqueFeed();
  const keys = [`~${feed}`, `~{${feed}}:*`, `&${feed}@3`];
  await redis.cli('ACL', 'SETUSER', 'web/app', 'on', '>s3cr:t%/@', ...keys, ...RULES.split(' '));
  await redis.cli('ACL', 'SETUSER', 'default', 'off');
  const { stdout, stderr } = await trusting(`
    import { openBus } from './src/bus/open-bus.ts';
    import { openFeed } from './src/feed/open-feed.ts';
    import { createPublisher } from './src/sdk/publisher.ts';
    const at = { url: 'rediss://web%2Fapp:s3cr%3At%25%2F%40@localhost:${port}/3', feed: '${feed}' };
    const bus = await openBus({ ...at, keepAlive: true });
    await bus.ready();
    const seen = [];
    await bus.subscribe({ onEntry: ({ json }) => seen.push(JSON.parse(json).name), onConnected() {} });
    const publisher = createPublisher(at);
    const reading = (async () => {
      const names = [];
      for await (const { activity } of openFeed({ ...at, since: '0-0' })) {
        names.push(activity.name);
        if (names.length === 3) return names;
      }
    })();
    for (const name of ['a.one', 'a.two', 'a.three']) publisher.publish({ name });
    await publisher.flush();
    const names = await reading;
    const { length } = await bus.info();
    await publisher.close();
    console.log(JSON.stringify({ names, seen, length, description: bus.description, status: bus.status() }));
    await bus.close();`);
  expect(stderr).toBe('');
  const names = ['a.one', 'a.two', 'a.three'];
  expect(JSON.parse(stdout)).toEqual({
    names,
    seen: names,
    length: 3,
    description: expect.stringMatching(new RegExp(`^redis [\\d.]+ at localhost:${port}/3$`)),
    status: { connected: true, warnings: [] },
  });
});

test('a certificate that is not trusted, or is for another host, is told apart', async () => {
  const { redis, port } = await startTls(['DNS:redis.example']);
  const bus = createRedisBus({
    url: `rediss://:s3cret@127.0.0.1:${port}`,
    feed: uniqueFeed(),
    retention: { countMax: 1_000, ageMaxMs: 0 },
    keepAlive: true,
  });
  await expect(bus.ready()).rejects.toMatchObject({
    code: 'log_unavailable',
    message: expect.stringMatching(/^the certificate of 127\.0\.0\.1:\d+ is not trusted .*NODE_EXTRA_CA_CERTS/),
  });
  await bus.close();
  const { stdout } = await trusting(refusalOf(`rediss://:s3cret@127.0.0.1:${port}`));
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'log_unavailable',
    message: expect.stringMatching(/^the certificate of 127\.0\.0\.1:\d+ is for another host/),
  });
  // The other way round: a URL without TLS to a port that speaks nothing else.
  const plain = createRedisBus({
    url: `redis://127.0.0.1:${port}`,
    feed: uniqueFeed(),
    retention: { countMax: 1_000, ageMaxMs: 0 },
    keepAlive: true,
  });
  await expect(plain.ready()).rejects.toMatchObject({ message: expect.stringMatching(/rediss:\/\//) });
  await plain.close();
  expect(await redis.cli('DBSIZE')).toBe('0');
});

test('a Redis that asks for a client certificate', async () => {
  const { port } = await startTls(['IP:127.0.0.1'], ['--tls-auth-clients', 'yes']);
  const { stdout } = await trusting(refusalOf(`rediss://127.0.0.1:${port}`));
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'log_refused',
    message: expect.stringMatching(/client certificate.*tls-auth-clients no/),
  });
});

test('a certificate that has expired is not one that is not trusted', () => {
  const error = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
  const failure: LivespanError = redisFailure(error, 'h:1');
  expect(failure.message).toBe('the certificate of h:1 is not valid at this time (CERT_HAS_EXPIRED)');
});
