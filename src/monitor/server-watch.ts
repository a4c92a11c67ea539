import { parseCursor } from '../activity/cursor.ts';
import type { MonitorConfig, ServerStats } from './state/server-facts.ts';
import type { Store } from './state/store.ts';

export interface ServerWatch {
  start(): void;
  /** Looks now, to say how far behind the page is. */
  measure(): void;
  close(): void;
}

const EVERY_MS = 5_000;

/** What the server says about itself: `GET /stats` now and then, `GET /monitor/config.json` once. */
export function createServerWatch(options: {
  base: string;
  headers?: Readonly<Record<string, string>>;
  store: Store;
  /** Cursor of the newest frame that arrived. */
  seen: () => string;
  isHidden: () => boolean;
}): ServerWatch {
  const { base, store, seen, isHidden } = options;
  const ending = new AbortController();
  const request = { signal: ending.signal, ...(options.headers && { headers: options.headers }) };
  let timer: ReturnType<typeof setInterval> | undefined;
  let isLooking = false;

  async function get(path: string): Promise<unknown> {
    const response = await fetch(base + path, request);
    return response.ok ? response.json() : undefined;
  }

  async function look(): Promise<void> {
    if (isLooking || isHidden()) return;
    isLooking = true;
    try {
      const askedMs = Date.now();
      const body = await get('/stats');
      const atMs = Date.now();
      if (!isRecord(body)) return;
      const stats: ServerStats = { ...body, atMs };
      store.stats.value = stats;
      const logMs = (body.log as { timeMs?: unknown } | undefined)?.timeMs;
      // The log answered somewhere between question and answer.
      if (typeof logMs === 'number') store.setLogClock((askedMs + atMs) / 2 - logMs);
      store.setBehind(remaining(stats));
    } catch {
      // Away: the stream says so, and what is shown here has its time.
    } finally {
      isLooking = false;
    }
  }

  /** Under a filter the place in the log is known at heartbeats only, so nothing can be said there. */
  function remaining({ log }: ServerStats): number {
    const last = parseCursor(log?.last ?? '');
    const at = parseCursor(seen());
    if (last === undefined || at === undefined || store.filter.text.peek() !== '') return 0;
    if (store.connection.peek().state !== 'live' || store.travel.peek() !== undefined) return 0;
    return Math.max(0, last.n - at.n);
  }

  async function readConfig(): Promise<void> {
    try {
      const body = await get('/monitor/config.json');
      if (isRecord(body)) store.config.value = body as MonitorConfig;
    } catch {
      // Without it there is only no link into the trace backend.
    }
  }

  return {
    start() {
      if (timer !== undefined) return;
      timer = setInterval(() => void look(), EVERY_MS);
      void look();
      void readConfig();
    },
    measure: () => void look(),
    close() {
      clearInterval(timer);
      ending.abort();
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
