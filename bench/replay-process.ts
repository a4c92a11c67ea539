/**
 * One server that starts with a log of `entries`, and `readers` that all come at once and want everything (a reconnect
 * storm). argv: readers, entries, Redis URL, feed
 */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Redis } from 'ioredis';
import { openBus } from '../src/bus/open-bus.ts';
import { createLiveFeed } from '../src/feed/live-feed.ts';
import { createStreamHandler } from '../src/server/sse.ts';
import { activityJson } from './event.ts';
import { median } from './harness.ts';

export interface ReplayResult {
  cpuMs: number;
  /** From the request to the newest entry, ms: the median and the slowest reader. */
  liveMs: number;
  slowestMs: number;
  redisCommands: number;
  rssBytes: number;
}

const APPEND_COUNT = 100;

async function commands(url: string): Promise<number> {
  const redis = new Redis(url);
  const info = await redis.info('commandstats');
  redis.disconnect();
  return (
    Number(/^cmdstat_xrange:calls=(\d+)/m.exec(info)?.[1] ?? 0) +
    Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(info)?.[1] ?? 0)
  );
}

async function serve(readers: number, entries: number, url: string, feedName: string): Promise<ReplayResult> {
  const bus = await openBus({ url, feed: feedName, logCountMax: 2 * entries });
  await bus.ready();
  for (let done = (await bus.info()).length; done < entries; done += APPEND_COUNT) {
    const activities = Array.from({ length: APPEND_COUNT }, (_, index) => activityJson(done + index));
    const result = await bus.append({ activities });
    if (result.outcome !== 'appended') throw new Error(`not appended: ${JSON.stringify(result)}`);
  }
  const { last } = await bus.info();
  const feed = createLiveFeed({ bus });
  await feed.start();
  const stream = createStreamHandler({ feed, readersMax: readers, readersPerAddressMax: readers });
  const server = createServer((request, response) => stream.handle(request, response, { since: '0-0' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1_024, resolve));
  const before = await commands(url);
  const clients = fork(import.meta.filename, ['clients']);
  const cpu = process.cpuUsage();
  clients.send({ port: (server.address() as AddressInfo).port, readers, last: `id: ${last.ms}-${last.n}` });
  const times = await new Promise<number[]>((resolve, reject) => {
    clients.once('message', (message) => resolve(message as number[]));
    clients.once('exit', (code) => reject(new Error(`the clients ended with ${code}`)));
  });
  const used = process.cpuUsage(cpu);
  clients.disconnect();
  return {
    cpuMs: (used.user + used.system) / 1_000,
    liveMs: median(times),
    slowestMs: Math.max(...times),
    redisCommands: (await commands(url)) - before,
    rssBytes: process.memoryUsage().rss,
  };
}

/** The time until the last entry has arrived, ms. */
function read(port: number, last: string): Promise<number> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'));
    let tail = '';
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a reader was cut')));
    socket.on('data', (chunk) => {
      const end = tail + chunk.subarray(-2_000).toString('latin1');
      if (end.includes(`${last}\n`)) resolve(performance.now() - start);
      tail = end.slice(-100);
    });
  });
}

if (process.argv[2] === 'clients') {
  process.on('message', async ({ port, readers, last }: { port: number; readers: number; last: string }) => {
    process.send?.(await Promise.all(Array.from({ length: readers }, () => read(port, last))));
  });
  process.on('disconnect', () => process.exit(0));
} else {
  // The bus keeps no process alive.
  setInterval(() => undefined, 60_000);
  const [readers = '1', entries = '1000', url = '', feed = ''] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await serve(Number(readers), Number(entries), url, feed))}\n`);
  process.exit(0);
}
