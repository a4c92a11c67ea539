/**
 * One process, one way into Redis: how many events a second.
 * argv: mode, events, port, feed
 */
import { Redis } from 'ioredis';
import { appendArgs, appendKeys } from '../src/bus/redis-append.ts';
import { redisKeys } from '../src/bus/redis-keys.ts';
import { APPEND_SCRIPT } from '../src/bus/redis-scripts.ts';
import { emitEvent } from '../src/sdk/emitter.ts';
import { createPublisher } from '../src/sdk/publisher.ts';
import { registerPublisher } from '../src/sdk/publisher-registry.ts';
import { activityJson, eventData, SUMMARY } from './event.ts';
import { encodeCommand, openSocket, pump } from './resp.ts';

const [mode = '', countText = '100000', portText = '6379', feed = 'livespan:bench'] = process.argv.slice(2);
const count = Number(countText);
const port = Number(portText);
const LOG_COUNT = 100_000;
const CALL_COUNT = 100;
const WINDOW = 4;

const MODES: Record<string, () => Promise<number>> = { naive, ours, ceiling, pair };

/** What one writes first: stringify, publish and xadd, a promise each. */
async function naive(): Promise<number> {
  const redis = new Redis({ port, host: '127.0.0.1' });
  await redis.ping();
  const start = performance.now();
  for (let done = 0; done < count; done += 1_000) {
    const promises: Promise<unknown>[] = [];
    for (let index = done; index < Math.min(done + 1_000, count); index++) {
      const json = activityJson(index);
      promises.push(redis.publish(feed, json), redis.xadd(feed, 'MAXLEN', '~', LOG_COUNT, '*', 'activity', json));
    }
    await Promise.all(promises);
  }
  const elapsed = performance.now() - start;
  redis.disconnect();
  return elapsed;
}

async function ours(): Promise<number> {
  const publisher = createPublisher({ url: `redis://127.0.0.1:${port}`, feed });
  registerPublisher(publisher);
  emitEvent('bench.first');
  await publisher.flush();
  const start = performance.now();
  for (let index = 0; index < count; ) {
    for (const end = Math.min(count, index + 500); index < end; index++) {
      emitEvent('gateway.request_received', { summary: SUMMARY, severity: 'info', data: eventData(index) });
    }
    do await new Promise((resolve) => setImmediate(resolve));
    while (publisher.stats().queued > 5_000);
  }
  await publisher.flush();
  const elapsed = performance.now() - start;
  const stats = publisher.stats();
  await publisher.close();
  if (stats.published !== count + 1) throw new Error(`not all published: ${JSON.stringify(stats)}`);
  return elapsed;
}

/** Our own script from a raw socket, everything encoded beforehand: what Redis takes at best. */
async function ceiling(): Promise<number> {
  const keys = redisKeys(feed, 0);
  const socket = await openSocket(port);
  await pump(socket, [encodeCommand(['SCRIPT', 'LOAD', APPEND_SCRIPT.text])], {
    window: 1,
    replyMark: '$40',
    marksAPayload: 1,
  });
  const payloads: Buffer[] = [];
  for (let done = 0, batch = 1; done < count; done += CALL_COUNT, batch++) {
    const activities = Array.from({ length: CALL_COUNT }, (_, index) => activityJson(done + index));
    const request = { activities, producer: { id: `ceiling-${process.pid}`, batch, acked: batch - 1 } };
    const wanted = appendKeys(keys, request);
    const args = appendArgs(request, 0, keys.channel, { countMax: LOG_COUNT, ageMaxMs: 0 });
    payloads.push(encodeCommand(['EVALSHA', APPEND_SCRIPT.sha, wanted.length, ...wanted, ...args.map(String)]));
  }
  const start = performance.now();
  await pump(socket, payloads, { window: WINDOW, replyMark: '*6\r\n', marksAPayload: 1 });
  const elapsed = performance.now() - start;
  socket.destroy();
  return elapsed;
}

/** Plain pipelined PUBLISH + XADD: no positions, no numbered batches. */
async function pair(): Promise<number> {
  const socket = await openSocket(port);
  const payloads: Buffer[] = [];
  for (let done = 0; done < count; done += CALL_COUNT) {
    const commands = Array.from({ length: CALL_COUNT }, (_, index) => {
      const json = activityJson(done + index);
      const add = ['XADD', feed, 'MAXLEN', '~', LOG_COUNT, '*', 'activity', json];
      return [encodeCommand(['PUBLISH', feed, json]), encodeCommand(add)];
    });
    payloads.push(Buffer.concat(commands.flat()));
  }
  const start = performance.now();
  // XADD alone answers with a bulk string.
  await pump(socket, payloads, { window: WINDOW, replyMark: '\r\n$', marksAPayload: CALL_COUNT });
  const elapsed = performance.now() - start;
  socket.destroy();
  return elapsed;
}

const elapsedMs = await MODES[mode]?.();
if (elapsedMs === undefined) throw new Error(`no mode is called ${mode}`);
process.stdout.write(`${JSON.stringify({ eventsPerSecond: (count / elapsedMs) * 1_000 })}\n`);
