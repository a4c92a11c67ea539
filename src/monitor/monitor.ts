import { computed, effect, signal, untracked } from '@preact/signals';
import { type Client, createClient } from './feed/client.ts';
import type { Sharing } from './feed/sharing.ts';
import type { Journey, JourneyOptions } from './feed/travel.ts';
import type { watchRecords } from './record-watch.ts';
import type { TextStorage } from './saved-filters.ts';
import type { createServerWatch, ServerWatch } from './server-watch.ts';
import type { Frame } from './state/model.ts';
import { createStore, type Store } from './state/store.ts';

export interface MonitorOptions {
  /** Where the routes are: empty in a page, `http://…` elsewhere. */
  base: string;
  headers?: Readonly<Record<string, string>>;
  sharing: Sharing;
  storage?: TextStorage | undefined;
  store?: Store;
  /** While nobody looks, the server is not asked for figures. */
  isHidden?: () => boolean;
}

/** The page without its looks: the state, and the connections that feed it. */
export interface Monitor {
  readonly store: Store;
  /** Where the routes are. */
  readonly base: string;
  /** How tabs share their connections. */
  readonly sharing: Sharing['way'];
  /** Where filters with a name are kept; a browser may forbid it. */
  readonly storage: TextStorage | undefined;
  /** Begins to follow what `store.filter` and `store.travel` say, now and whenever they change. */
  start(): void;
  /** Tries to reconnect now. */
  retry(): void;
  /** Shows such a file instead of the log until `leaveFile`. Returns what is wrong with it. */
  importFile(name: string, text: string): Promise<string | undefined>;
  leaveFile(): void;
  /** The page goes away; it may come back as it was. */
  leave(): void;
  /** The page is back: goes on from the place where it left. */
  comeBack(): void;
  close(): void;
}

/** How long after a reconnect its losses are counted in what is said about it. */
const RECONNECT_SETTLE_MS = 1_000;
const WATCH_AFTER_MS = 200;
const WATCH_AGAIN_MS = 2_000;

export function createMonitor(options: MonitorOptions): Monitor {
  const { base, headers, sharing, storage } = options;
  const store = options.store ?? createStore();
  const place = { base, ...(headers && { headers }) };
  const file = signal<{ name: string; activities: number; invalid: number } | undefined>(undefined);
  const travelFromMs = computed(() => store.travel.value?.fromMs);
  const reconnects = createReconnectTeller(store);
  const watch = watchServerLater({
    ...place,
    store,
    seen: () => journey?.cursor ?? client.cursor,
    isCatchingUp: () => journey !== undefined || client.isCatchingUp,
    isHidden: options.isHidden ?? (() => false),
  });
  let journey: Journey | undefined;
  /** The filter that is followed; `undefined` when nothing is. */
  let followed: string | undefined;
  let past = new AbortController();
  let stop: (() => void) | undefined;
  let stopRecords: (() => void) | undefined;

  const client: Client = createClient({
    ...place,
    connect: sharing.connect,
    onFrames: (frames) => {
      reconnects.see(frames);
      store.enqueue(frames);
      watch.arrive();
    },
    onInvalid: (lines) => store.countInvalid(lines),
    onState: (state) => {
      if (file.peek() !== undefined) return;
      reconnects.hear(state);
      store.connection.value = state;
    },
    onOlder: (until) => void addLastMinute(until),
    onBehind(remaining) {
      if (remaining > 0) watch.measure();
      else {
        store.setBehind(0);
        store.setLoaded();
      }
    },
  });

  /** The header tells of a minute from the first second on. */
  async function addLastMinute(until: string): Promise<void> {
    const { signal } = past;
    const filter = store.filter.text.peek();
    try {
      const { fetchLastMinute } = await import('./feed/last-minute.ts');
      const frames = await fetchLastMinute(place, { filter, until }, signal);
      if (!signal.aborted) store.addPast(frames);
    } catch {
      // The header then tells of what the page has seen itself.
    }
  }

  function endJourney(): string | undefined {
    const cursor = journey?.cursor;
    journey?.close();
    journey = undefined;
    return cursor;
  }

  function travel(filter: string, fromMs: number): void {
    client.stop();
    endJourney();
    store.setBehind(0);
    journey = startLater({
      ...place,
      filter,
      fromMs,
      speed: () => store.travel.peek()?.speed ?? 'max',
      isHeld: () => store.travel.peek()?.isHeld === true || store.pause.peek() !== undefined,
      onFrames(frames) {
        store.enqueue(frames);
        watch.arrive();
      },
      onMoment: (atMs) => {
        if (!store.isLoaded.peek()) watch.measure();
        store.setLoaded();
        const current = store.travel.peek();
        if (current !== undefined && current.atMs !== atMs) store.travel.value = { ...current, atMs };
      },
      onArrived: () => store.backToLive(),
      onFailed: (error) => {
        const detail = error instanceof Error ? error.message : 'The server cannot be reached';
        store.connection.value = { state: 'reconnecting', sinceMs: Date.now(), attempt: 0, retryAtMs: 0, detail };
        store.backToLive();
      },
    });
  }

  function follow(filter: string, fromMs: number | undefined, isFile: boolean): void {
    past.abort();
    past = new AbortController();
    const cursor = endJourney();
    if (isFile) {
      client.stop();
      followed = undefined;
      return;
    }
    const isOtherFilter = followed !== filter;
    followed = filter;
    if (fromMs !== undefined) {
      if (isOtherFilter) store.clear();
      travel(filter, fromMs);
    } else if (cursor && !isOtherFilter) client.follow(filter, { cursor });
    else {
      store.clear();
      client.follow(filter, { newest: true });
    }
  }

  return {
    store,
    base,
    sharing: sharing.way,
    storage,
    start() {
      stop ??= effect(() => {
        const filter = store.filter.text.value;
        const fromMs = travelFromMs.value;
        const isFile = file.value !== undefined;
        untracked(() => follow(filter, fromMs, isFile));
      });
      watch.start();
      stopRecords ??= watchRecordsLater({ ...place, store });
    },
    retry: () => client.retry(),
    async importFile(name, text) {
      const { readNdjson } = await import('./activity-file.ts');
      const read = readNdjson(text);
      if (!read.ok) return read.message;
      const activities = read.frames.filter((frame) => frame.type === 'activity').length;
      store.travel.value = undefined;
      file.value = { name, activities, invalid: read.invalid };
      store.clear(true);
      store.setLoaded();
      store.connection.value = { state: 'file', name, activities, invalid: read.invalid };
      store.countInvalid(read.invalid);
      store.enqueue(read.frames);
      return undefined;
    },
    leaveFile() {
      store.connection.value = { state: 'connecting' };
      file.value = undefined;
    },
    leave: () => sharing.leave(),
    comeBack: () => client.rejoin(),
    close() {
      past.abort();
      stop?.();
      stopRecords?.();
      endJourney();
      client.close();
      watch.close();
      reconnects.close();
      sharing.close();
    },
  };
}

/** What the server says about itself has its turn after the first rows, and so has the code that asks for it. */
function watchServerLater(options: Parameters<typeof createServerWatch>[0]): ServerWatch {
  let watch: ServerWatch | undefined;
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const load = (): void =>
    void import('./server-watch.ts').then(
      (module) => {
        if (isClosed) return;
        watch = module.createServerWatch(options);
        watch.start();
      },
      // Without a server its code cannot be had.
      () => {
        if (!isClosed) timer = setTimeout(load, WATCH_AGAIN_MS);
      },
    );
  return {
    start() {
      timer ??= setTimeout(load, WATCH_AFTER_MS);
    },
    measure: () => watch?.measure(),
    arrive: () => watch?.arrive(),
    close() {
      isClosed = true;
      clearTimeout(timer);
      watch?.close();
    },
  };
}

/** Most pages are opened to see what happens now; with the first thing that is selected, its code is loaded. */
function watchRecordsLater(options: Parameters<typeof watchRecords>[0]): () => void {
  let isClosed = false;
  let stopWatching: (() => void) | undefined;
  const stopWaiting = effect(() => {
    // Without a server its code cannot be had: it is tried again when the connection changes.
    options.store.connection.value;
    if (options.store.selection.value === undefined || stopWatching !== undefined) return;
    stopWatching = () => undefined;
    import('./record-watch.ts').then(
      (module) => {
        if (!isClosed) stopWatching = module.watchRecords(options);
      },
      () => {
        stopWatching = undefined;
      },
    );
  });
  return () => {
    isClosed = true;
    stopWaiting();
    stopWatching?.();
  };
}

/** Travelling is rare, so its code is no part of the first load. */
function startLater(options: JourneyOptions): Journey {
  let journey: Journey | undefined;
  let isClosed = false;
  import('./feed/travel.ts').then(({ startJourney }) => {
    if (!isClosed) journey = startJourney(options);
  }, options.onFailed);
  return {
    get cursor() {
      return journey?.cursor ?? '';
    },
    close() {
      isClosed = true;
      journey?.close();
    },
  };
}

/** Finds the words for a reconnect: how long it took, and what the log no longer had. */
function createReconnectTeller(store: Store): {
  hear(state: { state: string; sinceMs?: number }): void;
  see(frames: readonly Frame[]): void;
  close(): void;
} {
  let downSinceMs: number | undefined;
  let settling: { missed: number; wasReset: boolean } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    hear({ state, sinceMs }) {
      if (state === 'reconnecting' || state === 'overloaded') downSinceMs ??= sinceMs ?? Date.now();
      if (state !== 'live' || downSinceMs === undefined) return;
      const atMs = Date.now();
      const afterMs = atMs - downSinceMs;
      downSinceMs = undefined;
      const losses = { missed: 0, wasReset: false };
      settling = losses;
      clearTimeout(timer);
      timer = setTimeout(() => {
        settling = undefined;
        store.reconnected.value = { atMs, afterMs, ...losses };
      }, RECONNECT_SETTLE_MS);
    },
    see(frames) {
      if (settling === undefined) return;
      for (const frame of frames) {
        if (frame.type === 'gap' || frame.type === 'lagged') settling.missed += frame.missed;
        if (frame.type === 'reset') settling.wasReset = true;
      }
    },
    close: () => clearTimeout(timer),
  };
}
