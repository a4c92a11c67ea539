import { effect, untracked } from '@preact/signals';
import { parseCursor } from '../activity/cursor.ts';
import { fetchPage } from './feed/pages.ts';
import type { Frame } from './state/model.ts';
import type { MonitorConfig, ServerStats } from './state/server-facts.ts';
import type { Store } from './state/store.ts';

export interface ServerWatch {
  start(): void;
  /** Looks now, to say how far behind the page is. */
  measure(): void;
  /** Frames came: the page is less far behind. */
  arrive(): void;
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
  /** The place of the newest frame is known exactly also under a filter. */
  isCatchingUp: () => boolean;
  isHidden: () => boolean;
}): ServerWatch {
  const { base, headers, store, seen, isCatchingUp, isHidden } = options;
  const ending = new AbortController();
  const request = { signal: ending.signal, ...(options.headers && { headers: options.headers }) };
  let timer: ReturnType<typeof setInterval> | undefined;
  let isLooking = false;
  let isAsked = false;
  let stop: (() => void) | undefined;
  /** Where the page is not yet: places of the log, by their numbers, or all up to one. */
  let ahead: readonly number[] | number = [];

  async function get(path: string): Promise<unknown> {
    const response = await fetch(base + path, request);
    return response.ok ? response.json() : undefined;
  }

  async function look(): Promise<void> {
    if (isHidden()) return;
    isAsked = isLooking;
    if (isLooking) return;
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
      ahead = await findAhead(stats);
      tell();
    } catch {
      // Away: the stream says so, and what is shown here has its time.
    } finally {
      isLooking = false;
      if (isAsked && !ending.signal.aborted) void look();
    }
  }

  /**
   * What the log has beyond the newest frame. Under a filter a live page knows its place only by what passed, so the log
   * is asked which of the entries after that pass too.
   */
  async function findAhead({ log }: ServerStats): Promise<typeof ahead> {
    const last = parseCursor(log?.last ?? '');
    const at = parseCursor(seen());
    if (last === undefined || at === undefined || last.n <= at.n) return [];
    // A replay before the first entry stands at no place: numbers from there count nothing.
    if (store.travel.peek() !== undefined ? at.n === 0 : store.connection.peek().state !== 'live') return [];
    const filter = store.filter.text.peek();
    if (filter === '' || isCatchingUp()) return last.n;
    const place = { base, ...(headers && { headers }) };
    const page = await fetchPage(place, { filter, order: 'asc', limit: 1_000, since: seen() }, ending.signal);
    return filter === store.filter.text.peek() ? page.frames.filter(isActivity).map(numberOf) : [];
  }

  function tell(): void {
    const at = parseCursor(seen())?.n ?? 0;
    store.setBehind(typeof ahead === 'number' ? Math.max(0, ahead - at) : ahead.filter((n) => n > at).length);
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
      // Once more when it is live: the server counts this reader then.
      stop = effect(() => {
        if (store.connection.value.state === 'live') untracked(() => void look());
      });
      void look();
      void readConfig();
    },
    measure: () => void look(),
    arrive() {
      if (store.behind.peek() > 0) tell();
    },
    close() {
      stop?.();
      clearInterval(timer);
      ending.abort();
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isActivity({ type }: Frame): boolean {
  return type === 'activity';
}

function numberOf({ cursor }: Frame): number {
  return parseCursor(cursor)?.n ?? 0;
}
