import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Activity } from '../../../src/activity/activity.ts';
import { createHub, type HubMessage } from '../../../src/monitor/feed/hub.ts';
import type { Sharing } from '../../../src/monitor/feed/sharing.ts';
import { createLoneSharing } from '../../../src/monitor/feed/sharing-without-worker.ts';
import { createMonitor, type Monitor, type MonitorOptions } from '../../../src/monitor/monitor.ts';
import { createServer, type LivespanServer, type ServerOptions } from '../../../src/server/index.ts';
import { activity } from '../frames.ts';

export interface Log {
  readonly url: string;
  append(...activities: readonly Activity[]): Promise<void>;
  /** Where what is appended goes: to a server beside the one under test. */
  readonly keeperUrl: string;
  /** `count` events named `e<first>`, `e<first + 1>` … */
  appendNumbered(first: number, count: number): Promise<void>;
  /** Ends the server. The log goes on if it is in Redis. */
  stop(): Promise<void>;
  restart(): Promise<void>;
}

/** A real server with a log of its own, until the end of the test or of what `atEnd` says. */
export async function startLog(
  options: ServerOptions = {},
  atEnd: (end: () => void | Promise<void>) => void = onTestFinished,
): Promise<Log> {
  const settings = {
    url: 'memory:',
    feed: `test:${randomBytes(6).toString('hex')}:x`,
    port: 0,
    otlp: false,
    ...options,
  };
  // Holds the embedded log while the server under test is away.
  const keeper = await createServer({ ...settings, port: 0 });
  let server: LivespanServer = await createServer(settings);
  atEnd(async () => {
    await server.close();
    await keeper.close();
  });
  const { url } = server;
  const token = options.token;

  async function append(...activities: readonly Activity[]): Promise<void> {
    for (let at = 0; at < activities.length; at += 500) {
      const response = await fetch(`${keeper.url}/ingest`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ activities: activities.slice(at, at + 500) }),
      });
      if (!response.ok) throw new Error(`ingest answered ${response.status}: ${await response.text()}`);
    }
  }

  return {
    url,
    keeperUrl: keeper.url,
    append,
    appendNumbered: (first, count) =>
      append(...Array.from({ length: count }, (_, index) => activity('event', index, { name: `e${first + index}` }))),
    stop: () => server.close(),
    async restart() {
      await server.close();
      server = await createServer({ ...settings, port: Number(new URL(url).port) });
    },
  };
}

/** A monitor on that server, without a browser, drawn as often as can be. */
export function openMonitor(base: string, options: Partial<MonitorOptions> = {}): Monitor {
  const hub = createHub({ base, retryMs: 50, retryMaxMs: 200, ...(options.headers && { headers: options.headers }) });
  const monitor = createMonitor({ base, sharing: createLoneSharing(base, hub), ...options });
  const timer = setInterval(() => {
    while (monitor.store.flush(50) > 0);
    monitor.store.tick();
  }, 5);
  onTestFinished(() => {
    clearInterval(timer);
    monitor.close();
  });
  return monitor;
}

/** Names of the rows without a span, oldest first. */
export function namesOf({ store }: Monitor): string[] {
  return [...store.rows.value].reverse().map((row) => ('entry' in row ? row.entry.activity.name : row.type));
}

export function numbered(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `e${first + index}`);
}

/** Until `check` holds; fails with `what` after 20 s. */
export async function until(check: () => boolean, what: string): Promise<void> {
  const endMs = Date.now() + 20_000;
  while (!check()) {
    if (Date.now() > endMs) throw new Error(`Never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What is between a tab and its hub. */
export interface Tap {
  /** Of the last subscription. */
  id: number;
  /** As if the hub said it. */
  toTab: (message: HubMessage) => void;
  /** All that the hub has sent. */
  lines: string;
}

/** @param lets whether what the hub says goes on to the tab */
export function tapSharing(
  base: string,
  lets: (message: HubMessage) => boolean = () => true,
): { tap: Tap; sharing: Sharing } {
  const lone = createLoneSharing(base, createHub({ base, retryMs: 50, retryMaxMs: 200 }));
  const tap: Tap = { id: 0, toTab: () => undefined, lines: '' };
  const connect: Sharing['connect'] = (onMessage, onGone) => {
    tap.toTab = onMessage;
    const send = lone.connect((message) => {
      if (message.type === 'lines') tap.lines += message.text;
      if (lets(message)) onMessage(message);
    }, onGone);
    return (message) => {
      if (message.type === 'subscribe') tap.id = message.id;
      send(message);
    };
  };
  return { tap, sharing: { ...lone, connect } };
}
