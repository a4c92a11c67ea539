/** How much the page keeps. Everything that grows has a bound here. */
export interface EngineLimits {
  rowsMax: number;
  /** Rows of errors that outlive other rows when the oldest are taken off. */
  errorRowsMax: number;
  runningMax: number;
  tracesMax: number;
  spansPerTraceMax: number;
  /** Of all traces together. */
  traceSpansMax: number;
  /** Nested entries that a span keeps. */
  nestedMax: number;
  callsMax: number;
  entriesPerCallMax: number;
  /** Of all calls together. */
  callEntriesMax: number;
  servicesMax: number;
  instancesPerServiceMax: number;
  /** Frames kept while the rows are paused. */
  heldMax: number;
  /** Frames that may wait to be applied; beyond, rows are coalesced (counts stay exact). */
  queueMax: number;
}

export const LIMITS: Readonly<EngineLimits> = {
  rowsMax: 10_000,
  errorRowsMax: 2_000,
  runningMax: 2_000,
  tracesMax: 500,
  spansPerTraceMax: 2_000,
  traceSpansMax: 20_000,
  nestedMax: 64,
  callsMax: 500,
  entriesPerCallMax: 500,
  callEntriesMax: 25_000,
  servicesMax: 200,
  instancesPerServiceMax: 100,
  heldMax: 20_000,
  queueMax: 50_000,
};
export const LOSS_ENTRIES_MAX = 200;
