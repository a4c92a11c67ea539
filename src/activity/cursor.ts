/** A place in the log: `ms` is log time in milliseconds, `n` the dense counter of entries. Written `<ms>-<n>`. */
export interface Position {
  readonly ms: number;
  readonly n: number;
}
