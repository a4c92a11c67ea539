import { type ChildProcess, fork } from 'node:child_process';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeActivity } from '../src/activity/codec.ts';
import { createMemoryBus } from '../src/bus/memory-bus.ts';
import { createLiveFeed } from '../src/feed/live-feed.ts';
import { createStreamHandler } from '../src/server/sse.ts';
import { quantile } from './harness.ts';

/** Of the readers, those that take frames apart; the others count bytes, or the clients would need more CPU than the server. */
const EXACT_READERS = 10;

export interface FanOutResult {
  /** CPU of the server process a frame given to a reader, user and system, µs; publishing and the feed included. */
  frameUs: number;
  /** CPU of one `socket.write` of one frame, µs, in the same process. */
  sendUs: number;
  frames: number;
  /** Filter evaluations an activity, all readers together. */
  evaluations: number;
  deliveredShare: number;
  /** From the append to the client that read it, ms. */
  p50Ms: number;
  p99Ms: number;
  rssReaderBytes: number;
}

interface ClientResult {
  bytes: number[];
  exact: number[];
  disorder: number;
  latenciesMs: number[];
}

function activityJson(i: number): string {
  return encodeActivity({
    id: `01997b5e-3a6c-7c1e-b2a4-${i.toString(16).padStart(12, '0')}`,
    kind: 'event',
    name: 'gateway.request_received',
    time: '2026-11-21T00:22:37.123456Z',
    severity: 'info',
    summary: 'Request received: gpt-4o (stream=true)',
    service: 'gateway',
    instance: 'gw-7c9f:4711-e1a0',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    attributes: { i, at: performance.timeOrigin + performance.now(), 'gen_ai.request.model': 'gpt-4o' },
  });
}

/** Asks the child something and waits for its answer. */
function ask<T>(child: ChildProcess, message: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as T));
    child.once('exit', (code) => reject(new Error(`The clients ended with ${code}`)));
    child.send(message as object);
  });
}

/** After a collection (the harness starts every process with --expose-gc). */
async function restingRss(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await sleep(50);
  }
  return process.memoryUsage().rss;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4_096, resolve));
  return (server.address() as AddressInfo).port;
}

async function runFanOut(readers: number, rate: number, seconds: number, filters: number): Promise<FanOutResult> {
  const bus = createMemoryBus();
  const feed = createLiveFeed({ bus });
  await feed.start();
  const stream = createStreamHandler({
    feed,
    readersMax: readers,
    readersPerAddressMax: readers,
    heartbeatMs: 300_000,
  });
  const server = createHttpServer((request, response) => {
    const filter = new URL(request.url ?? '/', 'http://localhost').searchParams.get('filter') ?? undefined;
    stream.handle(request, response, { filter });
  });
  const port = await listen(server);
  const clients = fork(import.meta.filename, ['clients']);
  const rssBefore = await restingRss();
  await ask(clients, { port, readers, filters });
  const rssReaderBytes = ((await restingRss()) - rssBefore) / readers;
  await publish(bus, rate, 1_000, 0);
  const warm = rate;
  await sleep(300);
  const cpu = process.cpuUsage();
  const before = stream.stats();
  await publish(bus, rate, seconds * 1_000, warm);
  for (let tries = 0; tries < 200 && stream.stats().frames < readers * (warm + rate * seconds); tries += 1)
    await sleep(20);
  const used = process.cpuUsage(cpu);
  const after = stream.stats();
  await sleep(500);
  const client = await ask<ClientResult>(clients, 'report');
  clients.disconnect();
  await stream.close();
  server.closeAllConnections();
  server.close();
  await feed.close();
  await bus.close();
  const frames = after.frames - before.frames;
  const expected = rate * (seconds + 1);
  const whole = Math.max(...client.bytes);
  const delivered = client.bytes.reduce((sum, bytes) => sum + bytes, 0) / (whole * readers);
  const exact = client.exact.reduce((sum, count) => sum + count, 0) / (expected * client.exact.length);
  const latencies = Float64Array.from(client.latenciesMs).sort();
  return {
    frameUs: (used.user + used.system) / frames,
    sendUs: await measureSend(readers),
    frames,
    evaluations: (after.filterEvaluations - before.filterEvaluations) / (rate * seconds),
    deliveredShare: client.disorder === 0 ? Math.min(delivered, exact) : 0,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    rssReaderBytes,
  };
}

/** Appends at an even rate for a time, in batches of what has come due. */
async function publish(
  bus: ReturnType<typeof createMemoryBus>,
  rate: number,
  durationMs: number,
  first: number,
): Promise<void> {
  const total = (rate * durationMs) / 1_000;
  const startMs = performance.now();
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) * rate) / 1_000));
    while (sent < due) {
      const activities: string[] = [];
      while (sent < due && activities.length < 100) activities.push(activityJson(first + sent++));
      await bus.append({ activities });
    }
    await sleep(1);
  }
}

/** What one `socket.write` of one frame costs, spread over as many sockets, in process CPU. */
async function measureSend(readers: number): Promise<number> {
  const sink = fork(import.meta.filename, ['sink']);
  const port = await ask<number>(sink, 'listen');
  const sockets = await Promise.all(
    Array.from({ length: Math.min(readers, 500) }, async () => {
      const socket = connect(port, '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.setNoDelay(true);
      return socket;
    }),
  );
  const frame = Buffer.from(`1c0\r\nid: 1763684557123-123456\nevent: event\ndata: ${activityJson(1)}\n\n\r\n`);
  const rounds = Math.min(600, Math.ceil(60_000 / sockets.length));
  const cpu = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    for (const socket of sockets) socket.write(frame);
    // Lets the sink read: a full socket would put the rest into a queue instead of a system call.
    await new Promise((resolve) => setImmediate(resolve));
    if (round % 8 === 0) await sleep(2);
  }
  const used = process.cpuUsage(cpu);
  for (const socket of sockets) socket.destroy();
  sink.disconnect();
  return (used.user + used.system) / (rounds * sockets.length);
}

/** RSS a connection of the barest SSE server there is, for the same clients. */
async function runBare(readers: number): Promise<{ rssReaderBytes: number }> {
  const server = createHttpServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': hello\n\n');
  });
  const port = await listen(server);
  const clients = fork(import.meta.filename, ['clients']);
  const rssBefore = await restingRss();
  await ask(clients, { port, readers, filters: 0 });
  const rssReaderBytes = ((await restingRss()) - rssBefore) / readers;
  clients.disconnect();
  server.closeAllConnections();
  server.close();
  return { rssReaderBytes };
}

function runClients(): void {
  const result: ClientResult = { bytes: [], exact: [], disorder: 0, latenciesMs: [] };
  process.on('message', async (message: { port: number; readers: number; filters: number } | 'report') => {
    if (message === 'report') {
      process.send?.(result);
      return;
    }
    for (let at = 0; at < message.readers; at += 50) {
      const some = Array.from({ length: Math.min(50, message.readers - at) }, (_, k) =>
        openClient(message.port, at + k, message.filters, result),
      );
      await Promise.all(some);
    }
    await sleep(500);
    process.send?.('connected');
  });
  process.on('disconnect', () => process.exit(0));
}

function openClient(port: number, index: number, filters: number, result: ClientResult): Promise<void> {
  // Every one of them shows everything, so that only the evaluation is added.
  const query = filters === 0 ? '' : `?filter=${encodeURIComponent(`name:gateway.* -name:none.${index % filters}`)}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET /activity/stream${query} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`),
    );
    socket.on('error', reject);
    let head = '';
    const readHead = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      // The head and the first block differ from reader to reader by their retry time.
      if (!head.endsWith('\n\n\r\n')) return;
      socket.off('data', readHead);
      result.bytes[index] = 0;
      if (index < EXACT_READERS) readExactly(socket, index, result);
      socket.on('data', (more) => {
        result.bytes[index] = (result.bytes[index] ?? 0) + more.length;
      });
      resolve();
    };
    socket.on('data', readHead);
  });
}

function readExactly(socket: Socket, index: number, result: ClientResult): void {
  let rest = '';
  result.exact[index] = 0;
  socket.on('data', (chunk) => {
    const nowMs = performance.timeOrigin + performance.now();
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const { i, at } = JSON.parse(line.slice(6)).attributes;
      if (i !== result.exact[index]) result.disorder += 1;
      result.exact[index] = i + 1;
      result.latenciesMs.push(nowMs - at);
    }
  });
}

function runSink(): void {
  const server = createNetServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
  });
  process.on('message', () => {
    server.listen(0, '127.0.0.1', 1_024, () => process.send?.((server.address() as AddressInfo).port));
  });
  process.on('disconnect', () => process.exit(0));
}

const [role, ...numbers] = process.argv.slice(2);
const [readers = 0, rate = 0, seconds = 0, filters = 0] = numbers.map(Number);
if (role === 'clients') runClients();
else if (role === 'sink') runSink();
else {
  const result = role === 'bare' ? await runBare(readers) : await runFanOut(readers, rate, seconds, filters);
  console.log(JSON.stringify(result));
  process.exit(0);
}
