import { beforeFirst, type Position } from '../activity/cursor.ts';
import type { Bus, BusEntry, BusInfo, RangePage, RangeQuery } from '../bus/bus.ts';
import type { History } from './history.ts';
import { activitySlot } from './slots.ts';
import { compareWithLog } from './track.ts';

/** How much of the log's newest end the first look takes into the ring. */
export interface SeedLimits {
  countMax: number;
  bytesMax: number;
}

const PAGE_COUNT = 1_000;

/**
 * Brings the history up to the log: compares, reads what did not come live, says by a gap what is gone and by a reset
 * that the log is another one. Nothing is appended before the comparison. Returns the look at the log it began with:
 * everything up to its `last` is dealt with.
 */
export async function catchUp(history: History, bus: Bus, seed: SeedLimits, signal: AbortSignal): Promise<BusInfo> {
  const reader = new LogReader(history, bus, signal);
  const info = await bus.info(history.track?.position);
  if (history.track === undefined) return reader.seed(info, seed);
  await reader.follow(info);
  return info;
}

class LogReader {
  readonly #history: History;
  readonly #bus: Bus;
  readonly #signal: AbortSignal;

  constructor(history: History, bus: Bus, signal: AbortSignal) {
    this.#history = history;
    this.#bus = bus;
    this.#signal = signal;
  }

  /** Newest entries of this epoch, read backwards, taken forwards. Returns the look at the log that they were part of. */
  async seed(info: BusInfo, limits: SeedLimits): Promise<BusInfo> {
    const entries = await this.#readBack(info.epoch, limits);
    const again = await this.#bus.info();
    if (again.epoch !== info.epoch) return this.seed(again, limits);
    const first = entries.find((entry) => activitySlot(entry) !== undefined);
    this.#history.begin(info.epoch, first === undefined ? info.last : beforeFirst(first.position));
    for (const entry of entries) {
      const verdict = this.#history.read(entry);
      if (verdict === 'ahead') this.#skipTo(entry);
      if (verdict === 'diverged') this.#history.pass(entry.position);
    }
    this.#skipTrimmed(info);
    return info;
  }

  async #readBack(epoch: number, limits: SeedLimits): Promise<BusEntry[]> {
    const entries: BusEntry[] = [];
    let bytes = 0;
    let page: RangePage | undefined;
    do {
      const bounds = { from: { ms: epoch, n: 0 }, ...(page?.next === undefined ? {} : { before: page.next }) };
      const limit = Math.min(PAGE_COUNT, limits.countMax - entries.length);
      if (limit <= 0) break;
      page = await this.#range({ ...bounds, limit, order: 'desc' });
      for (const entry of page.entries) {
        entries.push(entry);
        bytes += 2 * entry.json.length;
      }
    } while (page.next !== undefined && bytes < limits.bytesMax);
    return entries.reverse();
  }

  async follow(info: BusInfo): Promise<void> {
    const { track, epoch, since } = this.#history;
    if (track === undefined) return;
    const comparison = compareWithLog(track, epoch, since, info);
    if (comparison === 'same') return;
    if (comparison === 'diverged') return this.#restart(info);
    if (comparison === 'renewed') this.#history.renew(info.epoch);
    if (await this.#readOn()) this.#skipTrimmed(info);
  }

  /** Takes everything after what was read so far. False when another history came between. */
  async #readOn(): Promise<boolean> {
    let after: Position | undefined = this.#history.track?.read;
    while (after !== undefined) {
      const page: RangePage = await this.#range({ after, limit: PAGE_COUNT });
      after = page.next;
      if (page.entries.length > 0 && !(await this.#takePage(page.entries))) return false;
    }
    return true;
  }

  /**
   * A counter alone proves nothing: entries of a log made anew may carry just the numbers that are missing. So the log is
   * compared once more after each page, and only then is the page taken. False when it was of another history.
   */
  async #takePage(entries: readonly BusEntry[]): Promise<boolean> {
    const { track, epoch, since } = this.#history;
    if (track === undefined) return false;
    const info = await this.#bus.info(track.position);
    const comparison = compareWithLog(track, epoch, since, info);
    if (comparison === 'diverged') {
      await this.#restart(info);
      return false;
    }
    if (comparison === 'renewed') this.#history.renew(info.epoch);
    for (const entry of entries) {
      const verdict = this.#history.read(entry);
      if (verdict === 'follows') this.#history.counters.repaired += 1;
      if (verdict === 'ahead') this.#skipTo(entry);
      if (verdict !== 'diverged') continue;
      if (info.probe !== 'present') {
        await this.#restart(info);
        return false;
      }
      // Our own newest entry is still there: this one was put in by hand.
      this.#history.pass(entry.position);
    }
    return true;
  }

  /** Goes on at the oldest retained entry of a new epoch, or in the same epoch with the first entry after the last known. */
  async #restart(info: BusInfo): Promise<void> {
    const { track, epoch } = this.#history;
    if (track === undefined) return;
    const query = info.epoch === epoch ? { after: track.position } : { from: { ms: info.epoch, n: 0 } };
    const first = await this.#firstActivity(query);
    this.#history.reset(info.epoch, first === undefined ? info.last : beforeFirst(first.position));
    await this.#readOn();
  }

  async #firstActivity(start: { after: Position } | { from: Position }): Promise<BusEntry | undefined> {
    let query: { after: Position } | { from: Position } | undefined = start;
    while (query !== undefined) {
      const page: RangePage = await this.#range({ ...query, limit: PAGE_COUNT });
      const first = page.entries.find((entry) => activitySlot(entry) !== undefined);
      if (first !== undefined) return first;
      query = page.next === undefined ? undefined : { after: page.next };
    }
    return undefined;
  }

  #skipTo(entry: BusEntry): void {
    this.#history.skipTo(entry.position);
    this.#history.read(entry);
  }

  /** What the look showed and the reading did not find was trimmed in between. */
  #skipTrimmed(info: BusInfo): void {
    const { track, epoch } = this.#history;
    if (track !== undefined && epoch === info.epoch && info.last.n > track.chain) this.#history.skipPast(info.last);
  }

  async #range(query: RangeQuery): Promise<RangePage> {
    const page = await this.#bus.range({ ...query, signal: this.#signal });
    this.#signal.throwIfAborted();
    this.#history.counters.foreign += page.skipped;
    return page;
  }
}
