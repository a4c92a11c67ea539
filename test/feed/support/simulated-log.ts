import { comparePositions, type Position } from '../../../src/activity/cursor.ts';
import type {
  Bus,
  BusEntry,
  BusInfo,
  BusListener,
  BusSubscription,
  RangePage,
  RangeQuery,
} from '../../../src/bus/bus.ts';
import { activityJson } from './activities.ts';

interface Call {
  run(): () => void;
  reply?: () => void;
}

/**
 * A log that obeys the bus law and does nothing by itself: each step (run the next call, let its reply arrive, let the
 * next live message arrive) happens when the test says so, so that every order of them can be had.
 */
export class SimulatedLog implements Bus {
  readonly description = 'simulated';
  readonly limits = { countMax: Number.POSITIVE_INFINITY, ageMaxMs: 0 };
  /** Every entry ever written, in the order of writing. */
  readonly written: (BusEntry & { epoch: number })[] = [];
  retained: BusEntry[] = [];
  epoch = 1;
  last: Position = { ms: 1, n: 0 };
  #clockMs = 1;
  #calls: Call[] = [];
  #live: BusEntry[] = [];
  #listener: BusListener | undefined;
  readonly #pageMax: number;

  constructor(pageMax: number) {
    this.#pageMax = pageMax;
  }

  get waitingCalls(): number {
    return this.#calls.length;
  }

  get waitingMessages(): number {
    return this.#live.length;
  }

  appendOne(): void {
    this.#clockMs += 1;
    this.last = { ms: this.#clockMs, n: this.last.n + 1 };
    const entry = { position: this.last, json: activityJson(this.written.length) };
    this.written.push({ ...entry, epoch: this.epoch });
    this.retained.push(entry);
    if (this.#listener !== undefined) this.#live.push(entry);
  }

  /** Something that is no activity, with an id as `XADD *` gives it. */
  appendJunk(): void {
    this.#clockMs += 1;
    this.retained.push({ position: { ms: this.#clockMs, n: 0 }, json: '{"junk":true}' });
  }

  trimOne(): void {
    this.retained.shift();
  }

  /** Everything is gone, and the next one to look finds a new log. */
  recreate(): void {
    this.#clockMs += 1;
    this.epoch = this.#clockMs;
    this.last = { ms: this.epoch, n: 0 };
    this.retained = [];
  }

  /** The oldest call reaches the log; its reply is on the way. */
  runCall(): boolean {
    const call = this.#calls.find((one) => one.reply === undefined);
    if (call === undefined) return false;
    call.reply = call.run();
    return true;
  }

  /** The oldest reply arrives. */
  reply(): boolean {
    const call = this.#calls[0];
    if (call?.reply === undefined) return false;
    this.#calls.shift();
    call.reply();
    return true;
  }

  deliver(): boolean {
    const entry = this.#live.shift();
    if (entry !== undefined) this.#listener?.onEntry(entry);
    return entry !== undefined;
  }

  deliverTwice(): void {
    const entry = this.#live[0];
    if (entry !== undefined) this.#listener?.onEntry(entry);
  }

  /**
   * Lost without a sign. Not the first message of a new log: when that and all others up to the number that the old log
   * had reached are lost, the next one looks right, until the next check (a limit of any counter).
   */
  lose(): void {
    if (this.#live[0]?.position.n !== 1) this.#live.shift();
  }

  reconnect(): void {
    this.#live = [];
    this.#listener?.onConnected(false);
    this.#listener?.onConnected(true);
  }

  range(query: RangeQuery): Promise<RangePage> {
    return this.#call(() => {
      const { after, from, to, before, order } = query;
      const found = this.retained.filter(
        ({ position }) =>
          (after === undefined || comparePositions(position, after) > 0) &&
          (from === undefined || comparePositions(position, from) >= 0) &&
          (to === undefined || comparePositions(position, to) <= 0) &&
          (before === undefined || comparePositions(position, before) < 0),
      );
      if (order === 'desc') found.reverse();
      const limit = Math.min(query.limit, this.#pageMax);
      const entries = found.slice(0, limit);
      const last = entries.at(-1);
      return { entries, skipped: 0, ...(found.length > limit && last !== undefined ? { next: last.position } : {}) };
    });
  }

  info(probe?: Position): Promise<BusInfo> {
    return this.#call(() => {
      const first = this.retained[0];
      const present = probe !== undefined && this.retained.some((one) => comparePositions(one.position, probe) === 0);
      return {
        epoch: this.epoch,
        last: this.last,
        ...(first === undefined ? {} : { first: first.position }),
        length: this.retained.length,
        ...(probe === undefined ? {} : { probe: present ? 'present' : 'absent' }),
        timeMs: this.#clockMs,
        instances: 0,
      };
    });
  }

  subscribe(listener: BusListener): Promise<BusSubscription> {
    return this.#call(() => {
      this.#listener = listener;
      return {
        close: async () => {
          this.#listener = undefined;
        },
      };
    });
  }

  #call<T>(run: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#calls.push({
        run: () => {
          const result = run();
          return () => resolve(result);
        },
      });
    });
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }
  status() {
    return { connected: true, warnings: [] };
  }
  append(): never {
    throw new Error('the simulated log is written to by appendOne');
  }
  async sweepInstances() {
    return { lost: [] };
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
