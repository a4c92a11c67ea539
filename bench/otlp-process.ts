/**
 * One process, one way of taking OTLP: spans a second, or µs of CPU a span.
 * argv: mode, spans, Redis port, feed
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { openBus } from '../src/bus/open-bus.ts';
import { appendArgs, appendKeys } from '../src/bus/redis-append.ts';
import { redisKeys } from '../src/bus/redis-keys.ts';
import { APPEND_SCRIPT } from '../src/bus/redis-scripts.ts';
import { createReceiver } from '../src/otlp/receive.ts';
import { createAccessRules } from '../src/server/access.ts';
import { createAuth } from '../src/server/auth.ts';
import { openOtlpDoors } from '../src/server/otlp-doors.ts';
import { createSessions } from '../src/server/sessions.ts';
import { measure } from './harness.ts';
import { decodeNaively, receiverOptions, tracesRequest } from './otlp-spans.ts';
import { encodeCommand, openSocket, pump } from './resp.ts';

const [mode = '', countText = '100000', portText = '6379', feed = 'livespan:bench'] = process.argv.slice(2);
const SPANS = 500;
const requests = Math.ceil(Number(countText) / SPANS);
const redisPort = Number(portText);
const LOG_COUNT = 100_000;
const CHUNK = 128;
const HTTP_LANES = 8;
const GRPC_CALLS = 8;

interface Figures {
  spansPerSecond?: number;
  cpuUs?: number;
}

const MODES: Record<string, () => Promise<Figures>> = {
  'decode-ours': decodeOurs,
  'decode-naive': decodeNaive,
  'http-ours': () => throughDoors('http'),
  'http-naive': httpNaive,
  'grpc-ours': () => throughDoors('grpc'),
  'grpc-receive': grpcReceive,
  ceiling,
};

function load(door: 'http' | 'grpc', port: number): Promise<Figures> {
  const lanes = door === 'http' ? HTTP_LANES : GRPC_CALLS;
  return measure<Figures>('otlp-load.ts', [door, String(port), String(requests), String(lanes)]);
}

/** The doors and the log client of the server, in front of a real Redis. */
async function throughDoors(door: 'http' | 'grpc'): Promise<Figures> {
  const bus = await openBus({ url: `redis://127.0.0.1:${redisPort}`, feed });
  await bus.ready();
  const doors = await openOtlpDoors({
    bus,
    auth: createAuth(undefined, createSessions({ port: () => 0 })),
    rules: createAccessRules('127.0.0.1', []),
    host: '127.0.0.1',
    http: { port: 0, isAskedFor: true },
    grpc: { port: 0, isAskedFor: true },
    bodyBytesMax: 8 * 1_048_576,
    redact: [],
    keepLive: false,
    tls: {},
  });
  const before = process.cpuUsage();
  const figures = await load(door, (door === 'http' ? doors.httpPort : doors.grpcPort) ?? 0);
  const { user, system } = process.cpuUsage(before);
  const { spans, activities } = doors.receiver.counts();
  if (spans < requests * SPANS || activities !== spans) throw new Error(`${spans} spans, ${activities} activities`);
  await doors.close();
  await bus.close();
  return { ...figures, cpuUs: (user + system) / spans };
}

/** What one writes first: a generated decoder, stringify, publish and xadd. */
async function httpNaive(): Promise<Figures> {
  const redis = new Redis({ port: redisPort, host: '127.0.0.1' });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const commands = decodeNaively(Buffer.concat(chunks)).flatMap((json): Promise<unknown>[] => [
        redis.publish(feed, json),
        redis.xadd(feed, 'MAXLEN', '~', LOG_COUNT, '*', 'activity', json),
      ]);
      await Promise.all(commands);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const figures = await load('http', (server.address() as AddressInfo).port);
  server.closeAllConnections();
  server.close();
  redis.disconnect();
  return figures;
}

/** grpc-js alone: takes the bytes and answers. */
async function grpcReceive(): Promise<Figures> {
  const server = new Server({ 'grpc.max_receive_message_length': 8 * 1_048_576 });
  const same = (bytes: Buffer): Buffer => bytes;
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
  const shared = { requestStream: false, responseStream: false };
  const codecs = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    { Export: { path, ...shared, ...codecs } },
    { Export: (_call: unknown, callback: (error: null, answer: Buffer) => void) => callback(null, Buffer.alloc(0)) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, taken: number): void => (error === null ? resolve(taken) : reject(error));
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
  });
  const figures = await load('grpc', port);
  server.forceShutdown();
  return figures;
}

/** The same bytes of JSON by our own script from a raw socket, everything encoded beforehand: what Redis takes at best. */
async function ceiling(): Promise<Figures> {
  const keys = redisKeys(feed, 0);
  const socket = await openSocket(redisPort);
  const loading = { window: 1, replyMark: '$40', marksAPayload: 1 };
  await pump(socket, [encodeCommand(['SCRIPT', 'LOAD', APPEND_SCRIPT.text])], loading);
  const payloads: Buffer[] = [];
  const receiver = createReceiver({
    ...receiverOptions(),
    async publish(request) {
      const wanted = appendKeys(keys, request);
      const args = appendArgs(request, 0, keys.channel, { countMax: LOG_COUNT, ageMaxMs: 0 });
      payloads.push(encodeCommand(['EVALSHA', APPEND_SCRIPT.sha, wanted.length, ...wanted, ...args.map(String)]));
      return 'appended';
    },
  });
  for (let index = 0; index < requests; index++) {
    await receiver.receive('traces', 'protobuf', tracesRequest(SPANS, index * SPANS));
  }
  if (payloads.length !== requests * Math.ceil(SPANS / CHUNK)) throw new Error('not chunks of the usual size');
  const startMs = performance.now();
  await pump(socket, payloads, { window: 4, replyMark: '*6\r\n', marksAPayload: 1 });
  const elapsedMs = performance.now() - startMs;
  socket.destroy();
  return { spansPerSecond: (requests * SPANS * 1_000) / elapsedMs };
}

async function decodeOurs(): Promise<Figures> {
  const receiver = createReceiver({
    ...receiverOptions(),
    // Reads a character of each as the log does: a text that was put together is made one when it is read.
    publish: async ({ activities }) =>
      activities.every((json) => json.charCodeAt(0) === 0x7b) ? 'appended' : { failed: 'no JSON' },
  });
  return decode(async (bytes) => {
    await receiver.receive('traces', 'protobuf', bytes);
  });
}

async function decodeNaive(): Promise<Figures> {
  return decode(async (bytes) => {
    if (decodeNaively(bytes).length !== SPANS) throw new Error('spans are missing');
  });
}

async function decode(take: (bytes: Buffer) => Promise<void>): Promise<Figures> {
  const bodies = Array.from({ length: Math.min(requests, 100) }, (_, index) => tracesRequest(SPANS, index * SPANS));
  const passes = Math.ceil(requests / bodies.length);
  for (const body of bodies) await take(body);
  const before = process.cpuUsage();
  for (let pass = 0; pass < passes; pass++) for (const body of bodies) await take(body);
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / (passes * bodies.length * SPANS) };
}

// The log's own connections keep no process alive.
setInterval(() => undefined, 60_000);
const figures = await MODES[mode]?.();
if (figures === undefined) throw new Error(`no mode is called ${mode}`);
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
