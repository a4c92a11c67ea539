import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { inspect, promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { createRedisBus } from '../../src/bus/redis-bus.ts';
import type { LivespanError } from '../../src/errors.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { activities, appended, failed, until, watch } from './harness.ts';

const run = promisify(execFile);
let redis: RedisServer;
const opened: Bus[] = [];
const servers: { close(): unknown }[] = [];

beforeAll(async () => {
  // A replica of it is served at once.
  redis = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
});
afterEach(async () => {
  for (const bus of opened.splice(0)) await bus.close();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => redis.stop());

function open(url: string, timeLimitMs = 20_000): Bus {
  const bus = createRedisBus({
    url,
    feed: uniqueFeed(),
    retention: { countMax: 1_000, ageMaxMs: 0 },
    keepAlive: true,
    timeLimitMs,
  });
  opened.push(bus);
  return bus;
}

/** Why the first try failed; the same must be what an append is told, and no secret may be in it. */
async function refusal(url: string, timeLimitMs?: number): Promise<LivespanError> {
  const bus = open(url, timeLimitMs);
  const error = await bus.ready().then(
    () => new Error('it connected'),
    (reason: LivespanError) => reason,
  );
  expect(error).toMatchObject({ name: 'LivespanError' });
  // Not in what a logger prints of it either, causes and all.
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('s3cret');
  expect(bus.description).not.toContain('s3cret');
  expect(await failed(bus, { activities: activities(1) })).toMatchObject({ applied: 'no' });
  expect(bus.status()).toMatchObject({ connected: false, problem: { name: 'LivespanError' } });
  return error as LivespanError;
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a good connection names version and place, without credentials', async () => {
  const bus = open(redis.url.replace('//', '//:s3cret@'));
  await bus.ready();
  expect(bus.description).toMatch(new RegExp(`^redis \\d+\\.\\d+\\.\\d+ at 127\\.0\\.0\\.1:${redis.port}$`));
  expect(bus.status()).toEqual({ connected: true, warnings: [] });
});

test('wrong password, no password, missing permissions', async () => {
  const secured = await startRedis({ args: ['--requirepass', 'right'] });
  try {
    expect(await refusal(secured.url.replace('//', '//:s3cret@'))).toMatchObject({
      code: 'log_refused',
      message: expect.stringMatching(/refuses the user name or password/),
    });
    expect(await refusal(secured.url)).toMatchObject({
      code: 'log_refused',
      message: expect.stringMatching(/asks for a password/),
    });
  } finally {
    await secured.stop();
  }
  await redis.cli(
    'ACL',
    'SETUSER',
    'poor',
    'on',
    '>s3cret',
    '~livespan:*',
    '~{livespan:*',
    '&livespan:*',
    '+@all',
    '-xtrim',
    '-hset',
  );
  const poor = redis.url.replace('//', '//poor:s3cret@');
  expect(await refusal(poor)).toMatchObject({
    code: 'log_refused',
    message: expect.stringMatching(/permission for XTRIM, HSET on livespan:/),
  });
  await redis.cli('ACL', 'SETUSER', 'elsewhere', 'on', '>s3cret', '~other:*', '&*', '+@all');
  expect(await refusal(redis.url.replace('//', '//elsewhere:s3cret@'))).toMatchObject({
    code: 'log_refused',
    message: expect.stringMatching(/lacks (a )?permission/),
  });
});

test('a permission that is granted later lets the bus in by itself', async () => {
  await redis.cli('ACL', 'SETUSER', 'late', 'on', '>s3cret', '~*', '&*', '+@all', '-xadd');
  const bus = open(redis.url.replace('//', '//late:s3cret@'));
  await expect(bus.ready()).rejects.toMatchObject({ code: 'log_refused' });
  await redis.cli('ACL', 'SETUSER', 'late', '+xadd');
  await until(() => bus.status().connected);
  await appended(bus, { activities: activities(1) });
});

test('what is not a Redis, does not answer, or is not there', async () => {
  const http = createHttpServer((_request, response) => response.end('hello'));
  expect(await refusal(await listen(http))).toMatchObject({
    code: 'log_refused',
    message: expect.stringMatching(/is not a Redis/),
  });
  const silent = createServer((socket) => void socket.on('error', () => undefined));
  expect(await refusal(await listen(silent), 300)).toMatchObject({
    code: 'timeout',
    message: expect.stringMatching(/did not answer within 300 ms/),
  });
  const gone = createServer();
  const url = await listen(gone);
  gone.close();
  await once(gone, 'close');
  expect(await refusal(url)).toMatchObject({
    code: 'log_unavailable',
    message: expect.stringMatching(/nothing listens/),
  });
  expect(await refusal(redis.url.replace('redis:', 'rediss:'), 500)).toMatchObject({
    message: expect.stringMatching(/TLS|lost|nothing answers/),
  });
});

test('too old, a cluster, a read-only replica', async () => {
  const old = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write("-ERR unknown command 'HELLO'\r\n"));
  });
  expect(await refusal(await listen(old))).toMatchObject({
    code: 'log_refused',
    message: expect.stringMatching(/too old .* needs 6\.2/),
  });
  const hello =
    '*8\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n6.0.9\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n';
  const older = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(hello));
  });
  expect(await refusal(await listen(older))).toMatchObject({ message: expect.stringMatching(/too old \(6\.0\.9\)/) });
  const cluster = await startRedis({ args: ['--cluster-enabled', 'yes'] });
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
  try {
    expect(await refusal(cluster.url)).toMatchObject({
      code: 'log_refused',
      message: expect.stringMatching(/cluster/),
    });
    await until(async () => /master_link_status:up/.test(await replica.cli('INFO', 'replication')));
    expect(await refusal(replica.url)).toMatchObject({
      code: 'log_refused',
      message: expect.stringMatching(/read-only replica/),
    });
  } finally {
    await cluster.stop();
    await replica.stop();
  }
});

test('a Redis that becomes a replica is told, and taken again when it is a primary', async () => {
  const other = await startRedis();
  try {
    const bus = open(other.url);
    await bus.ready();
    await other.cli('REPLICAOF', '127.0.0.1', String(redis.port));
    await until(async () => /master_link_status:up/.test(await other.cli('INFO', 'replication')));
    expect(await failed(bus, { activities: activities(1) })).toMatchObject({ code: 'log_refused', applied: 'no' });
    await until(() => !bus.status().connected);
    await other.cli('REPLICAOF', 'NO', 'ONE');
    await until(() => bus.status().connected);
    await appended(bus, { activities: activities(1) });
  } finally {
    await other.stop();
  }
});

test('a memory limit with eviction is a warning', async () => {
  const evicting = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] });
  try {
    const bus = open(evicting.url);
    await bus.ready();
    expect(bus.status().warnings.join()).toMatch(/maxmemory-policy allkeys-lru.*noeviction/);
  } finally {
    await evicting.stop();
  }
});

test('a sentinel names the primary', async () => {
  const sentinel = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const port = String(redis.port);
      const known = data.toString().includes('\r\nmain\r\n');
      socket.write(known ? `*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n` : '*-1\r\n');
    });
  });
  const at = (await listen(sentinel)).slice('redis://'.length);
  const bus = open(`redis+sentinel://127.0.0.1:1,${at}/main`);
  await bus.ready();
  await appended(bus, { activities: activities(1) });
  expect(await refusal(`redis+sentinel://${at}/other`)).toMatchObject({
    message: expect.stringMatching(/knows no master of that name/),
  });
});

test('URLs that cannot be a log are refused at once, without their secrets', async () => {
  for (const [url, sentence] of [
    ['redis+cluster://:s3cret@a:1', /redis\+cluster/],
    ['http://127.0.0.1:4319', /livespan server/],
    ['postgres://u:s3cret@h/db', /none of/],
    ['', /none of/],
    ['redis://', /is not redis:/],
    ['redis://u:s3cret@h:99999', /host or port/],
    ['redis://u:s3cret@h/zero', /database/],
    ['redis://u:s3cret%@h', /percent-encoded/],
    ['redis://a:1,b:2', /several hosts/],
    ['redis+sentinel://a:1,b:2', /names no master/],
  ] as const) {
    const error: LivespanError = await openBus({ url, feed: uniqueFeed() }).then(
      () => expect.fail(`${url} was taken`),
      (reason: LivespanError) => reason,
    );
    expect(error.code, url).toBe('invalid_option');
    expect(error.message).toMatch(sentence);
    expect(error.message).not.toContain('s3cret');
  }
});

test('ready gives up with its signal, and close ends a try that hangs', async () => {
  const silent = createServer((socket) => void socket.on('error', () => undefined));
  const bus = open(await listen(silent), 60_000);
  await expect(bus.ready(AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'timeout' });
  const waiting = bus.ready();
  await bus.close();
  await expect(waiting).rejects.toMatchObject({ code: 'closed' });
});

test('a script that is done ends by itself, and a Redis that is away throws nothing into it', async () => {
  const source = (url: string, rest: string): string =>
    `import { openBus } from './src/bus/open-bus.ts'; const bus = await openBus({ url: '${url}', feed: '${uniqueFeed()}' }); ${rest}`;
  const connected = `
    const wait = setInterval(async () => {
      if (!bus.status().connected) return;
      clearInterval(wait);
      const hold = setInterval(() => undefined, 1000);
      await bus.subscribe({ onEntry() {}, onConnected() {} });
      console.log((await bus.append({ activities: ['{"id":"1"}'] })).outcome);
      clearInterval(hold);
    }, 5);`;
  const options = { timeout: 20_000 };
  const good = await run(process.execPath, ['--input-type=module', '-e', source(redis.url, connected)], options);
  expect(good).toMatchObject({ stdout: 'appended\n', stderr: '' });
  const away = await run(
    process.execPath,
    ['--input-type=module', '-e', source('redis://127.0.0.1:1', 'setTimeout(() => undefined, 500);')],
    options,
  );
  expect(away).toMatchObject({ stdout: '', stderr: '' });
});

test('nothing of ours is traced: every command and connect runs with tracing suppressed', async () => {
  const source = `
    import { AsyncLocalStorage } from 'node:async_hooks';
    import { context, ROOT_CONTEXT } from '@opentelemetry/api';
    import { isTracingSuppressed } from '@opentelemetry/core';
    import { Redis } from 'ioredis';
    const store = new AsyncLocalStorage();
    context.setGlobalContextManager({ active: () => store.getStore() ?? ROOT_CONTEXT, with: (c, fn, self, ...args) => store.run(c, () => fn.apply(self, args)),
      bind: (_c, target) => target, enable() { return this; }, disable() { return this; } });
    let traced = 0, commands = 0;
    for (const name of ['sendCommand', 'connect']) {
      const original = Redis.prototype[name];
      Redis.prototype[name] = function (...args) { commands++; if (!isTracingSuppressed(context.active())) traced++; return original.apply(this, args); };
    }
    const { openBus } = await import('./src/bus/open-bus.ts');
    const bus = await openBus({ url: '${redis.url}', feed: '${uniqueFeed()}', keepAlive: true });
    await bus.ready();
    await bus.subscribe({ onEntry() {}, onConnected() {} });
    await bus.append({ activities: ['{"id":"1"}'] });
    await bus.range({ limit: 1 }); await bus.info(); await bus.sweepInstances(1000);
    await bus.close();
    console.log(JSON.stringify({ traced, enough: commands > 8 }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], { timeout: 20_000 });
  expect(JSON.parse(stdout)).toEqual({ traced: 0, enough: true });
});

test('closing leaves no connection behind', async () => {
  const bus = open(redis.url);
  await bus.ready();
  await watch(bus);
  const clients = async (): Promise<number> => (await redis.cli('CLIENT', 'LIST')).split('\n').length;
  expect(await clients()).toBe(3);
  await bus.close();
  await until(async () => (await clients()) === 1);
});
