/** Figures of a fan-out: plain counters, read at a scrape. All but the first four only grow. */
export interface FanOutStats {
  /** Connected now. */
  readers: number;
  /** Of these, at the head. */
  live: number;
  lanes: number;
  /** Estimate: frames given a second, over all live readers. */
  framesPerSecond: number;
  opened: number;
  /** Frames given to readers (a frame for 10 readers counts 10), and the bytes of them. */
  frames: number;
  bytes: number;
  /** Writes to sockets; frames that shared a write with one before them. */
  writes: number;
  coalesced: number;
  flushes: number;
  heartbeats: number;
  filterEvaluations: number;
  /** Times that a reader had to go to the log. */
  replays: number;
  /** Tries of a replay that the log failed. */
  replayFailures: number;
  /** Readers that fell out of the ring, and entries that they were told they missed for it. */
  overruns: number;
  skippedEntries: number;
  /** Readers gone, by reason. */
  ended: Record<EndedBy, number>;
}

/** `client`: it went; `stalled`: took nothing for too long; `overrun`: by policy; `closing`: the server stops; `failed`: ours. */
export type EndedBy = 'client' | 'stalled' | 'overrun' | 'closing' | 'failed';

export type FanOutCounters = Omit<FanOutStats, 'readers' | 'live' | 'lanes' | 'framesPerSecond' | 'filterEvaluations'>;

export function createCounters(): FanOutCounters {
  return {
    opened: 0,
    frames: 0,
    bytes: 0,
    writes: 0,
    coalesced: 0,
    flushes: 0,
    heartbeats: 0,
    replays: 0,
    replayFailures: 0,
    overruns: 0,
    skippedEntries: 0,
    ended: { client: 0, stalled: 0, overrun: 0, closing: 0, failed: 0 },
  };
}
