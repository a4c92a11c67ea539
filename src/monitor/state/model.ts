import type { Activity, Severity } from '../../activity/activity.ts';

/** One activity with its place in the log. */
export interface Entry {
  cursor: string;
  activity: Activity;
}

/** What the connection hands to the state, in log order. `position` moves the cursor without an activity (start, heartbeat). */
export type Frame =
  | ({ type: 'activity' } & Entry)
  | { type: 'gap'; cursor: string; missed: number }
  | { type: 'lagged'; cursor: string; missed: number; sampled?: number }
  | { type: 'reset'; cursor: string }
  | { type: 'position'; cursor: string };

/**
 * `lost`: its instance fell silent or stopped before the span ended. `started`: its end may not be seen (the filter hides
 * it, or it is in what was missed), so nothing is known of it after its start.
 */
export type SpanState = 'running' | 'ok' | 'error' | 'lost' | 'started';

/** Why a span is lost. */
export interface LostMark {
  readonly why: 'silent' | 'stopped';
  /** The last sign of life of its instance, ms by the clock of the applications; `undefined` where that was not told. */
  readonly sinceMs: number | undefined;
}

/**
 * A span, one object for its row, its trace and its call. Changed in place; `revision` grows with every change, so a row
 * component may compare that alone.
 */
export interface SpanRow {
  readonly type: 'span';
  /** Unique among rows: trace id and span id. */
  readonly key: string;
  revision: number;
  state: SpanState;
  /** Its start was seen on the feed. `false` for sources that tell of ended spans only: never show those as having run live. */
  sawStart: boolean;
  name: string;
  service: string | undefined;
  instance: string | undefined;
  callId: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string;
  parentSpanId: string | undefined;
  severity: Severity;
  /** Microseconds since the Unix epoch, by the clock of the application. */
  startUs: number;
  endUs: number | undefined;
  durationMs: number | undefined;
  /** The newest nested events and log records, in order of arrival, at most `nestedMax`; errors are kept before others. */
  nested: Entry[];
  /** All that were seen, also those no longer in `nested`. */
  nestedCount: number;
  /** Nested entries of severity error or fatal. */
  nestedErrorCount: number;
  start: Entry | undefined;
  end: Entry | undefined;
  /** While it is `lost`. */
  lost: LostMark | undefined;
}

/** An event, log record or notice that stands for itself: without a span, or whose span the feed does not show. */
export interface EntryRow {
  readonly type: 'event' | 'log' | 'notice';
  /** Unique among rows: the cursor. */
  readonly key: string;
  readonly revision: number;
  readonly entry: Entry;
  readonly timeUs: number;
}

/** A hole or a break in what was seen, standing where it happened; `omitted` was counted and is in the log. */
export interface BreakRow {
  readonly type: 'gap' | 'lagged' | 'reset' | 'omitted';
  readonly key: string;
  readonly revision: number;
  readonly cursor: string;
  /** Log entries that were not seen or are not shown; 0 for a reset. */
  readonly missed: number;
  /** When this page was told, ms. */
  readonly atMs: number;
}

export type Row = SpanRow | EntryRow | BreakRow;

/** The rows in the order of the page: running ones on top (newest start first), then what is over (newest first). A new object at every change. */
export interface RowList {
  readonly count: number;
  /** How many stand above the line `now`. */
  readonly runningCount: number;
  at(index: number): Row | undefined;
  /** For walking through all (export). Top of the page first. */
  [Symbol.iterator](): Iterator<Row>;
}

/** A trace as far as it was seen. Changed in place; compare `revision`. */
export interface Trace {
  readonly traceId: string;
  revision: number;
  /** By span id. */
  readonly spans: ReadonlyMap<string, SpanRow>;
  /** Events without a known span. */
  readonly loose: readonly Entry[];
  runningCount: number;
  /** Spans of which nothing is known after their start. */
  startedCount: number;
  errorCount: number;
  /** Spans that were not kept because of the bound. */
  droppedSpans: number;
  startUs: number;
  /** Latest instant known of it. */
  endUs: number;
  callId: string | undefined;
}

/** One line of the waterfall, in tree order. */
export interface TraceNode {
  /** `undefined` for a placeholder: a parent that has not arrived. */
  readonly span: SpanRow | undefined;
  readonly spanId: string;
  readonly depth: number;
  readonly childCount: number;
  /** How many of the following nodes are below this one (for folding). */
  readonly descendantCount: number;
  readonly isCritical: boolean;
}

/** One request by its call id. Changed in place; compare `revision`. Read it with `tellCall`. */
export interface Call {
  readonly callId: string;
  revision: number;
  /** In order of arrival; at most `CALL_ENTRIES_MAX`. */
  readonly entries: readonly Entry[];
  /** All that were seen. */
  entryCount: number;
  readonly spans: ReadonlyMap<string, SpanRow>;
  runningCount: number;
  errorCount: number;
  startUs: number;
  endUs: number;
}

export type InstanceState = 'alive' | 'lost' | 'stopped';

export interface InstanceFigures {
  readonly instance: string;
  readonly state: InstanceState;
  /** ms, time of its newest activity. */
  readonly lastSeenMs: number;
}

export interface ServiceFigures {
  readonly service: string;
  /** Activities a second, mean of the last 10 whole seconds. */
  readonly rate: number;
  /** Ended spans in the last minute, and those of them that failed. */
  readonly ended: number;
  readonly failed: number;
  /** Of the last 512 ended spans; `undefined` before the first one. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly running: number;
  readonly lastSeenMs: number;
  readonly instances: readonly InstanceFigures[];
}

/** Figures of the header. */
export interface RateFigures {
  /** Activities in each of the last 60 whole seconds, oldest first, by the time they carry. */
  readonly perSecond: readonly number[];
  /** Those of severity error or fatal, or spans ended with an error. */
  readonly errorsPerSecond: readonly number[];
  /** ms of the first of them. */
  readonly fromMs: number;
  /** Mean of the last 5 whole seconds. */
  readonly rate: number;
  /** Share of failed among ended spans of the last minute, 0 to 1; `undefined` without any. */
  readonly errorShare: number | undefined;
  readonly p95Ms: number | undefined;
}

/** Durations of ended spans of the last minute. `bounds[i]` ends `counts[i]`, ms, and belongs to the next; the last count is of all above. */
export interface LatencyHistogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  /** The longest of them, ms; 0 without any. */
  readonly longestMs: number;
}

/** Exact counts since the page was opened (or emptied); rows may be evicted, these stay. */
export interface Totals {
  readonly activities: number;
  readonly errors: number;
  readonly spansStarted: number;
  readonly spansEnded: number;
  readonly running: number;
  readonly lost: number;
  /** Rows taken off the page because it holds a bounded number. */
  readonly evicted: number;
  /** Lines that could not be read. */
  readonly invalid: number;
}

/** Something that was not seen, and when. `dropped` is an application's own notice. */
export interface LossEntry {
  readonly type: 'gap' | 'lagged' | 'reset' | 'dropped';
  readonly cursor: string;
  readonly missed: number;
  readonly atMs: number;
  /** For `dropped`: by reason. */
  readonly reasons?: Readonly<Record<string, number>>;
  readonly service?: string;
  readonly instance?: string;
}

export interface Loss {
  /** Log entries that were not seen: gaps and lags together. */
  readonly missed: number;
  readonly gaps: number;
  readonly lags: number;
  readonly resets: number;
  /** Activities that applications dropped before the log, as their notices say. */
  readonly dropped: number;
  /** 1 in so many is being sent; 1 is all. Errors are always sent. */
  readonly sampled: number;
  /** Newest first, at most 200. */
  readonly entries: readonly LossEntry[];
}

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  /** `detail` is one sentence, `retryAtMs` when the next try is made. */
  | { state: 'reconnecting'; sinceMs: number; attempt: number; retryAtMs: number; detail: string }
  /** 401 or 403: sign in again. Not tried again by itself. */
  | { state: 'denied'; status: number; detail: string }
  /** 503: too many readers, or the log is away. Tried again at `retryAtMs`. */
  | { state: 'overloaded'; code: string; detail: string; retryAtMs: number }
  /** 400: the server does not take the filter. */
  | { state: 'refused'; code: string; detail: string; column: number | undefined }
  /** An imported file is shown; nothing is connected. */
  | { state: 'file'; name: string; activities: number; invalid: number };

/** Said once after a reconnect: "Reconnected after 3 s, nothing lost." */
export interface Reconnected {
  readonly atMs: number;
  readonly afterMs: number;
  readonly missed: number;
  readonly wasReset: boolean;
}

/** Rows stand still; what comes is kept. `newCount` is exact, `trimmed` of them are too old to be kept (errors are kept first). */
export interface Pause {
  readonly by: 'user' | 'scroll';
  readonly sinceMs: number;
  readonly newCount: number;
  readonly trimmed: number;
}

/** 1×, 10×, or as fast as it goes. */
export type Speed = 1 | 10 | 'max';

/** Showing the log from a moment on. `undefined` is live. */
export interface Travel {
  /** Where it began, ms. */
  readonly fromMs: number;
  readonly speed: Speed;
  /** The moment being shown, ms. */
  readonly atMs: number;
  readonly isHeld: boolean;
}

export type View = 'live' | 'traces' | 'calls' | 'services' | 'health';
export type Theme = 'system' | 'light' | 'dark';
export type RowOrder = 'newest' | 'duration';
export type DrawerTab = 'story' | 'attributes' | 'json' | 'trace';

/** A selected record that the rows do not hold is looked for in the log. */
export type Lookup = { state: 'searching' | 'found' | 'absent' } | { state: 'failed'; detail: string };

/** What is open in the drawer or fills the view. */
export type Selection =
  | { type: 'row'; key: string; tab: DrawerTab }
  | { type: 'trace'; traceId: string; spanId?: string }
  | { type: 'call'; callId: string };

/** Where the text of the filter line is wrong. */
export interface FilterProblem {
  /** From 1. */
  readonly column: number;
  readonly message: string;
}
