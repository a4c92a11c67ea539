import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Completion } from './completion.ts';
import { createEngine, type Engine, type EngineLimits } from './engine.ts';
import { createFilterLine, type FilterLine } from './filter-line.ts';
import type { FoundRecord } from './found.ts';
import type {
  Call,
  Connection,
  Frame,
  LatencyHistogram,
  Lookup,
  Loss,
  Pause,
  RateFigures,
  Reconnected,
  Row,
  RowList,
  RowOrder,
  Selection,
  ServiceFigures,
  SpanRow,
  Speed,
  Theme,
  Totals,
  Trace,
  Travel,
  View,
} from './model.ts';
import { onlyRunning } from './rows.ts';
import type { MonitorConfig, ServerStats } from './server-facts.ts';

/** How often what is recomputed over many records (services, header, sorted rows) may change. */
const FIGURES_EVERY_MS = 500;
/** Running clocks go on all together so often: more often cannot be read, and each step has the browser lay out text. */
const CLOCK_EVERY_MS = 100;

export interface StoreOptions {
  /** ms since the Unix epoch. */
  now?: () => number;
  /** ms of a clock that never goes back, for the time budget. */
  tick?: () => number;
  limits?: Partial<EngineLimits>;
}

/**
 * All that the page shows. Signals change at most once a `flush`, which the page calls once an animation frame. Records
 * (rows, traces, calls) are changed in place: compare their `revision`.
 */
export interface Store {
  readonly rows: ReadonlySignal<RowList>;
  /** Newest first. */
  readonly traces: ReadonlySignal<readonly Trace[]>;
  /** Newest first. */
  readonly calls: ReadonlySignal<readonly Call[]>;
  /** By name; changes at most twice a second, as do `rates` and `histogram`. */
  readonly services: ReadonlySignal<readonly ServiceFigures[]>;
  readonly rates: ReadonlySignal<RateFigures>;
  readonly histogram: ReadonlySignal<LatencyHistogram>;
  readonly totals: ReadonlySignal<Totals>;
  readonly loss: ReadonlySignal<Loss>;
  /** ms; what running clocks count against, by the clock of the applications. Ticks while something runs. */
  readonly nowMs: ReadonlySignal<number>;

  readonly connection: Signal<Connection>;
  /** Whether what was there already has been read; until then, nothing can be said about what is missing. */
  readonly isLoaded: ReadonlySignal<boolean>;
  /** The newest reconnect, to be said once; the view may set it to `undefined`. */
  readonly reconnected: Signal<Reconnected | undefined>;
  /** Log entries between what is shown and the newest one known; 0 is caught up. Paused rows do not count. */
  readonly behind: ReadonlySignal<number>;
  readonly pause: ReadonlySignal<Pause | undefined>;
  readonly travel: Signal<Travel | undefined>;
  /** Newest `GET /stats`; `undefined` before the first. */
  readonly stats: Signal<ServerStats | undefined>;
  readonly config: Signal<MonitorConfig>;

  readonly filter: FilterLine;
  readonly view: Signal<View>;
  readonly selection: Signal<Selection | undefined>;
  readonly theme: Signal<Theme>;
  readonly order: Signal<RowOrder>;
  /** What is searched for in the trace that is shown. */
  readonly search: Signal<string>;
  /** Span ids whose children it does not show. */
  readonly folded: Signal<ReadonlySet<string>>;
  /** Only rows that run are shown. No filter of the log: one that leaves out ends would let rows run for ever. */
  readonly isRunningOnly: Signal<boolean>;
  /** Services that were seen, also those that the filter hides now. */
  readonly knownServices: ReadonlySignal<readonly string[]>;
  /** What became of the search for the selected record; `undefined` when none was needed. */
  readonly lookup: Signal<Lookup | undefined>;
  /** Whether the selected record is there, among the rows or found in the log. */
  holds(selection: Selection): boolean;
  /** What was found in the log for it; its code is loaded with the first search. */
  readonly found: Signal<FoundRecord | undefined>;
  showFound(frames: readonly Frame[]): void;
  /** Whether the sheet of keys is open. */
  readonly isHelpOpen: Signal<boolean>;

  /** What is known of one record; `undefined` once it is evicted. Read inside a computed, it follows changes. */
  span(traceId: string | undefined, spanId: string): SpanRow | undefined;
  row(key: string): ReturnType<RowList['at']>;
  trace(traceId: string): Trace | undefined;
  call(callId: string): Call | undefined;
  /** ms a running span has run, by the clock of the applications. */
  elapsedMs(span: SpanRow, nowMs: number): number;
  /** How the filter line may go on at the caret. Its code is loaded when it is first asked for. */
  complete(text: string, caret: number): Promise<readonly Completion[]>;

  /** Rows stand still and what comes is kept. `scroll` does not override a pause by the user. */
  pauseRows(by: 'user' | 'scroll'): void;
  resumeRows(): void;
  /** Replays the log from that moment (ms); `backToLive` goes on from what is shown, without a seam. */
  travelTo(fromMs: number, speed: Speed, options?: { isHeld?: boolean }): void;
  setSpeed(speed: Speed): void;
  holdTravel(isHeld: boolean): void;
  backToLive(): void;
  /** Empties rows, traces, calls and figures, not the settings. What a file does not have, nobody knows. */
  clear(isForFile?: boolean): void;

  /** For the connection: takes frames in. They show at the next `flush`. */
  enqueue(frames: readonly Frame[], receivedMs?: number): void;
  /** What came before the rows: it counts in the figures of the last minute alone. */
  addPast(frames: readonly Frame[]): void;
  countInvalid(lines: number): void;
  /**
   * Applies what was enqueued for at most `budgetMs`, and publishes it and what was applied before unless `isHeldBack`.
   * Returns how many frames are left.
   */
  flush(budgetMs: number, isHeldBack?: boolean): number;
  /** Moves clocks and figures on without frames. */
  tick(): void;
  setBehind(remaining: number): void;
  /** All that was there already is enqueued: with the last of it shown, the page is loaded. */
  setLoaded(): void;
  /** ms by which the page's clock is ahead of the log's. */
  setLogClock(offsetMs: number): void;
  /** Frames that wait for a `flush`. */
  readonly backlog: number;
  /** Something was applied that is not published yet. */
  readonly isStale: boolean;
  /** Also those that are not shown because only what runs is. */
  allRows(): RowList;
}

export function createStore(options: StoreOptions = {}): Store {
  const now = options.now ?? Date.now;
  const tick = options.tick ?? (() => performance.now());
  const engine = createEngine(options.limits);
  const rowsVersion = signal(0);
  const figuresVersion = signal(0);
  const totalsVersion = signal(0);
  const nowMs = signal(now());
  const pause = signal<Pause | undefined>(undefined);
  const travel = signal<Travel | undefined>(undefined);
  const remaining = signal(0);
  const found = signal<FoundRecord | undefined>(undefined);
  const foundVersion = signal(0);
  const isRunningOnly = signal(false);
  const isLoaded = signal(false);
  let isAllHere = false;
  const order = signal<RowOrder>('newest');
  const filter = createFilterLine();
  let figuresAtMs = 0;
  let isStale = false;
  let haveRowsChanged = false;

  const clock = (): number => travel.peek()?.atMs ?? now() - engine.clockOffsetMs();
  const version =
    <T>(of: ReadonlySignal<number>, read: () => T) =>
    (): T => {
      of.value;
      return read();
    };
  const longest = computed(version(figuresVersion, () => engine.rowsByDuration(clock())));
  const newest = computed(version(rowsVersion, () => engine.rows()));
  const ordered = computed(() => (order.value === 'duration' ? longest.value : newest.value));
  /** From the rows or from what was found, whichever has more of it. */
  const fuller = <T>(read: (of: Engine | FoundRecord) => T | undefined, sizeOf: (record: T) => number) => {
    const held = version(rowsVersion, () => read(engine))();
    const record = found.value;
    const looked = record && version(foundVersion, () => read(record))();
    if (held === undefined || looked === undefined) return held ?? looked;
    return sizeOf(looked) >= sizeOf(held) ? looked : held;
  };

  function publish(changedRows: boolean): void {
    const atMs = now();
    isStale = false;
    haveRowsChanged = false;
    batch(() => {
      if (changedRows) rowsVersion.value += 1;
      totalsVersion.value += 1;
      if (isAllHere && engine.backlog() === 0) isLoaded.value = true;
      const paused = pause.peek();
      // What ended since is held back with all the rest: in a pause nothing runs on.
      const clockMs = clock();
      if (paused === undefined && Math.abs(clockMs - nowMs.peek()) >= CLOCK_EVERY_MS) nowMs.value = clockMs;
      const held = engine.held();
      if (paused !== undefined && (paused.newCount !== held.count || paused.trimmed !== held.trimmed)) {
        pause.value = { ...paused, newCount: held.count, trimmed: held.trimmed };
      }
      if (atMs - figuresAtMs >= FIGURES_EVERY_MS) {
        figuresAtMs = atMs;
        figuresVersion.value += 1;
      }
    });
  }

  const store: Store = {
    rows: computed(() => (isRunningOnly.value ? onlyRunning(ordered.value) : ordered.value)),
    traces: computed(version(rowsVersion, () => engine.traces.list())),
    calls: computed(version(rowsVersion, () => engine.calls.list())),
    services: computed(version(figuresVersion, () => engine.services.figures(clock()))),
    rates: computed(version(figuresVersion, () => engine.rates.figures(clock()))),
    histogram: computed(version(figuresVersion, () => engine.rates.histogram(clock()))),
    totals: computed(version(totalsVersion, () => engine.totals())),
    loss: computed(version(totalsVersion, () => engine.loss())),
    nowMs,
    connection: signal<Connection>({ state: 'connecting' }),
    isLoaded,
    reconnected: signal<Reconnected | undefined>(undefined),
    behind: computed(() => Math.max(remaining.value, version(totalsVersion, () => engine.backlog())())),
    pause,
    travel,
    stats: signal<ServerStats | undefined>(undefined),
    config: signal<MonitorConfig>({}),
    filter,
    view: signal<View>('live'),
    selection: signal<Selection | undefined>(undefined),
    theme: signal<Theme>('system'),
    order,
    search: signal(''),
    folded: signal<ReadonlySet<string>>(new Set()),
    isRunningOnly,
    knownServices: computed(version(figuresVersion, () => [...engine.known.services].sort())),
    lookup: signal<Lookup | undefined>(undefined),
    isHelpOpen: signal(false),

    span: (traceId, spanId) => version(rowsVersion, () => engine.span(traceId, spanId))(),
    row: (key) => fuller((of) => of.row(key), sizeOfRow),
    trace: (traceId) =>
      fuller(
        (of) => of.trace(traceId),
        ({ spans }) => spans.size,
      ),
    call: (callId) =>
      fuller(
        (of) => of.call(callId),
        ({ entryCount }) => entryCount,
      ),
    holds(selection) {
      if (selection.type === 'trace') return store.trace(selection.traceId) !== undefined;
      return (selection.type === 'call' ? store.call(selection.callId) : store.row(selection.key)) !== undefined;
    },
    found,
    showFound(frames) {
      found.peek()?.show(frames, now());
      foundVersion.value += 1;
    },
    elapsedMs: (span, atMs) => Math.max(0, span.durationMs ?? atMs - span.startUs / 1_000),
    complete: (text, caret) =>
      import('./completion.ts').then(
        ({ completeFilter }) => completeFilter(text, caret, engine.known),
        // Without a server there are no offers, and the line works all the same.
        () => [],
      ),

    pauseRows(by) {
      if (pause.peek()?.by === 'user') return;
      engine.hold(true);
      pause.value = { newCount: 0, trimmed: 0, ...pause.peek(), by, sinceMs: pause.peek()?.sinceMs ?? now() };
    },
    resumeRows() {
      if (pause.peek() === undefined) return;
      engine.hold(false);
      pause.value = undefined;
      publish(true);
    },
    travelTo(fromMs, speed, { isHeld = false } = {}) {
      store.clear();
      travel.value = { fromMs, speed, atMs: fromMs, isHeld };
    },
    setSpeed(speed) {
      const current = travel.peek();
      if (current !== undefined) travel.value = { ...current, speed };
    },
    holdTravel(isHeld) {
      const current = travel.peek();
      if (current !== undefined) travel.value = { ...current, isHeld };
    },
    backToLive() {
      batch(() => {
        travel.value = undefined;
        store.resumeRows();
      });
    },
    clear(isForFile = false) {
      batch(() => {
        engine.clear();
        engine.hideEnds(isForFile || filter.hidesEnds.peek());
        engine.hold(false);
        pause.value = undefined;
        isLoaded.value = false;
        isAllHere = false;
        figuresAtMs = 0;
        publish(true);
      });
    },

    enqueue(frames, receivedMs = now()) {
      engine.enqueue(frames, receivedMs);
      if (found.peek()?.see(frames, receivedMs)) foundVersion.value += 1;
    },
    addPast: (frames) => engine.addPast(frames),
    countInvalid: (lines) => engine.countInvalid(lines),
    flush(budgetMs, isHeldBack = false) {
      if (engine.backlog() > 0) {
        if (engine.work(tick() + budgetMs, tick)) haveRowsChanged = true;
        isStale = true;
      }
      if (isStale && !isHeldBack) publish(haveRowsChanged);
      return engine.backlog();
    },
    tick: () => publish(haveRowsChanged),
    setLoaded() {
      isAllHere = true;
    },
    setBehind(count) {
      remaining.value = count;
    },
    setLogClock: (offsetMs) => engine.setLogClock(offsetMs),
    get backlog() {
      return engine.backlog();
    },
    get isStale() {
      return isStale;
    },
    allRows: () => engine.rows(),
  };
  return store;
}

function sizeOfRow(row: Row): number {
  return row.type === 'span' ? row.nestedCount + (row.start ? 1 : 0) + (row.end ? 1 : 0) : 1;
}
