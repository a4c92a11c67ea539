import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Activity } from '../../src/activity/activity.ts';
import { encodeActivity } from '../../src/activity/codec.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { createMemoryBus, type MemoryBusOptions } from '../../src/bus/memory-bus.ts';
import { createLiveFeed, type LiveFeed } from '../../src/feed/live-feed.ts';
import { createStreamHandler, type StreamHandler, type StreamOptions } from '../../src/server/sse.ts';

export interface StreamServer {
  url: string;
  bus: Bus;
  feed: LiveFeed;
  stream: StreamHandler;
  http: Server;
  append(activities: readonly (Activity | string)[]): Promise<void>;
  /** Activities `from` to `to - 1`, numbered by `attributes.i`. */
  appendNumbered(from: number, to: number, more?: Partial<Activity>): Promise<void>;
  close(): Promise<void>;
}

export interface StreamServerOptions extends Omit<StreamOptions, 'feed'> {
  log?: MemoryBusOptions;
  ringCountMax?: number;
  ringBytesMax?: number;
  /** Another log than a memory one of its own. */
  bus?: Bus;
  /** The feed is not started. */
  idle?: boolean;
}

/** The handler behind node:http on a free port, over a real log and a real live feed. */
export async function startStreamServer(options: StreamServerOptions = {}): Promise<StreamServer> {
  const { log, ringCountMax, ringBytesMax, idle, ...stream } = options;
  const bus = options.bus ?? createMemoryBus(log);
  const feed = createLiveFeed({
    bus,
    ...(ringCountMax === undefined ? {} : { ringCountMax }),
    ...(ringBytesMax === undefined ? {} : { ringBytesMax }),
  });
  if (idle !== true) await feed.start();
  const handler = createStreamHandler({ retryMs: 40, ...stream, feed });
  const http = createServer((incoming, response) => {
    const { searchParams } = new URL(incoming.url ?? '/', 'http://host');
    handler.handle(incoming, response, Object.fromEntries(searchParams));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const append = async (activities: readonly (Activity | string)[]): Promise<void> => {
    const texts = activities.map((activity) => (typeof activity === 'string' ? activity : encodeActivity(activity)));
    for (let at = 0; at < texts.length; at += 100) {
      const result = await bus.append({ activities: texts.slice(at, at + 100) });
      if (result.outcome !== 'appended') throw new Error(`append: ${result.outcome}`);
    }
  };
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/activity/stream`,
    bus,
    feed,
    stream: handler,
    http,
    append,
    appendNumbered: (from, to, more) => append(Array.from({ length: to - from }, (_, k) => numbered(from + k, more))),
    close: async () => {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await feed.close();
      if (options.bus === undefined) await bus.close();
    },
  };
}

export function numbered(i: number, more: Partial<Activity> = {}): Activity {
  const tail = i.toString(16).padStart(12, '0');
  return {
    id: `01997b5e-3a6c-7c1e-b2a4-${tail}`,
    kind: 'event',
    name: 'test.numbered',
    time: '2026-11-21T00:22:37.123456Z',
    severity: 'info',
    ...more,
    attributes: { i, ...more.attributes },
  };
}

/** One SSE block: its fields, and its comment. */
export interface Block {
  id?: string;
  event?: string;
  data?: string;
  retry?: string;
  comment?: string;
}

/** A bare connection that shows the bytes as they come. */
export interface RawStream {
  response: IncomingMessage;
  text(): string;
  /** Complete blocks so far. */
  blocks(): Block[];
  /** Numbers of the activities so far. */
  numbers(): number[];
  ended: Promise<void>;
  close(): void;
}

export function openRaw(
  url: string,
  options: { headers?: Record<string, string>; method?: string } = {},
): Promise<RawStream> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ...options, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      const ended = new Promise<void>((done) => {
        response.on('close', done);
        response.on('error', () => done());
      });
      resolve({
        response,
        text: () => text,
        blocks: () => readBlocks(text),
        numbers: () => readNumbers(text),
        ended,
        close: () => outgoing.destroy(),
      });
    });
    outgoing.end();
  });
}

export function readBlocks(text: string): Block[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const fields: Record<string, string> = {};
      for (const line of block.split('\n')) {
        const colon = line.indexOf(':');
        fields[colon === 0 ? 'comment' : line.slice(0, colon)] = line.slice(colon + 1).trim();
      }
      return fields;
    });
}

/** `attributes.i` of each complete activity frame. */
function readNumbers(text: string): number[] {
  return [...text.matchAll(/^data: \{"cursor".*"attributes":\{"i":(\d+)/gm)].map((match) => Number(match[1]));
}

/** Until `check` holds; fails with `what` after 20 s. */
export async function until(check: () => boolean, what: string): Promise<void> {
  const endMs = Date.now() + 20_000;
  while (!check()) {
    if (Date.now() > endMs) throw new Error(`Never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
