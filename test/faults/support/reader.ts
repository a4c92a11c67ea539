import { connect } from 'node:net';
import { EventSource } from 'eventsource';
import { decodeActivity } from '../../../src/activity/codec.ts';
import { type FeedMessage, openFeed } from '../../../src/feed/open-feed.ts';
import { type Audit, createAudit } from './audit.ts';

/** Somebody who follows the feed from its beginning, and never gives up. */
export interface Reader {
  readonly name: string;
  readonly audit: Audit;
  readonly cursor: string;
  /** Leaves this server for another one, and resumes there with its cursor. */
  moveTo(url: string): Promise<void>;
  close(): Promise<void>;
}

/** Through the library: `openFeed` over SSE. */
export function openLibraryReader(url: string, name: string): Reader {
  const audit = createAudit();
  let cursor = '0-0';
  let leave: () => Promise<void> = async () => undefined;

  const follow = (from: string): void => {
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      for await (const message of openFeed({ url: from, since: cursor, signal: stop.signal })) {
        cursor = message.cursor;
        audit.take(message);
      }
    };
    const running = run().catch((error: unknown) => void audit.problems.push(`the feed ended: ${String(error)}`));
    leave = async () => {
      stop.abort();
      await running;
    };
  };
  follow(url);
  return {
    name,
    audit,
    get cursor() {
      return cursor;
    },
    async moveTo(other) {
      await leave();
      follow(other);
    },
    close: () => leave(),
  };
}

const KINDS = ['event', 'notice', 'log', 'span.start', 'span.end'] as const;

/** Through the stock `eventsource` client, as a browser does it. */
export function openStockReader(url: string, name: string): Reader {
  const audit = createAudit();
  let cursor = '0-0';
  let source: EventSource;

  const take = (type: string, event: MessageEvent): void => {
    const data = event.data as string;
    cursor = event.lastEventId;
    const message = readMessage(type, cursor, data);
    if (message === undefined) audit.problems.push(`not a message of the feed: ${data.slice(0, 200)}`);
    else audit.take(message);
  };
  const follow = (from: string): void => {
    source = new EventSource(`${from}/activity/stream?since=${encodeURIComponent(cursor)}`);
    for (const type of [...KINDS, 'gap', 'lagged', 'reset'])
      source.addEventListener(type, (event) => take(type, event));
  };
  follow(url);
  return {
    name,
    audit,
    get cursor() {
      return cursor;
    },
    async moveTo(other) {
      source.close();
      follow(other);
    },
    close: async () => source.close(),
  };
}

function readMessage(type: string, cursor: string, data: string): FeedMessage | undefined {
  if (type === 'reset') return { type, cursor };
  if (type === 'gap' || type === 'lagged')
    return { type, cursor, missed: (JSON.parse(data) as { missed: number }).missed };
  const decoded = decodeActivity(data);
  return decoded.ok ? { type: 'activity', cursor, activity: decoded.activity } : undefined;
}

/** Asks for the stream and then takes not one byte of it. */
export function openNeverReader(url: string): { close(): void } {
  const { port, hostname, host } = new URL(url);
  const socket = connect(Number(port), hostname, () => {
    socket.write(`GET /activity/stream?since=0-0 HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    socket.pause();
  });
  socket.on('error', () => socket.destroy());
  return { close: () => socket.destroy() };
}
