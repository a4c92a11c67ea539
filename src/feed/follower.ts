import { setImmediate as nextTurn } from 'node:timers/promises';
import { comparePositions, type Position } from '../activity/cursor.ts';
import { backOffMs } from '../bus/back-off.ts';
import type { Bus, BusEntry, BusInfo, BusListener, BusSubscription } from '../bus/bus.ts';
import { log } from '../diag.ts';
import { LivespanError, toLivespanError } from '../errors.ts';

import { catchUp, type SeedLimits } from './catch-up.ts';
import type { History } from './history.ts';
import { countUntrusted, LiveBuffer } from './live-buffer.ts';
import { compareWithLog } from './track.ts';
import { WakeUp } from './wake-up.ts';

/** How long nothing may come live before the log's copy of what is missing is read instead. */
const LIVE_DELAY_MAX_MS = 250;
const BACK_OFF_MAX_MS = 3_000;

/**
 * Keeps a history level with its log: one subscription, one reader. Live entries go straight in while each follows the
 * one before; whatever else happens (a hole, another history, a lost connection, silence that is none) ends in the same
 * place: compare with the log, read what is missing, go on live.
 */
export class Follower implements BusListener {
  readonly #bus: Bus;
  readonly #history: History;
  readonly #seed: SeedLimits;
  readonly #idleCheckMs: number;
  readonly #buffer = new LiveBuffer();
  readonly #closing = new AbortController();
  /** Wakes the worker: the log must be read. */
  readonly #work = new WakeUp();
  readonly #wentLive = new WakeUp();
  #checking = false;
  /** Live entries go to the buffer: the log is being read, or must be. */
  #reading = true;
  #subscribed = false;
  #caughtUp = false;
  #clockOffsetMs = 0;
  #subscription: BusSubscription | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #worker: Promise<void> | undefined;
  readonly #first = new FirstOutcome();
  received = 0;
  foreignMessages = 0;
  problem: LivespanError | undefined;

  constructor(options: { bus: Bus; history: History; seed: SeedLimits; idleCheckMs: number }) {
    this.#bus = options.bus;
    this.#history = options.history;
    this.#seed = options.seed;
    this.#idleCheckMs = options.idleCheckMs;
  }

  get connected(): boolean {
    return this.#subscribed && this.#caughtUp;
  }

  /** Aborted, with an error of code `closed`, when the follower is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** Resolves when the history is level with the log and live, however long that takes; rejects on abort and on close. */
  async live(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.closing]);
    either.throwIfAborted();
    while (!this.connected) await this.#wentLive.wait(this.#wentLive.count, either, this.#idleCheckMs);
  }

  start(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    if (this.#worker === undefined) {
      this.#worker = this.#run();
      this.#idleTimer = setInterval(() => void this.#checkIdle(), this.#idleCheckMs);
      this.#idleTimer.unref();
    }
    return this.#first.promise;
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      clearInterval(this.#idleTimer);
      const error = new LivespanError('closed', 'the feed is closed');
      this.#subscribed = false;
      this.#first.reject(error);
      this.#closing.abort(error);
    }
    await this.#worker;
  }

  onEntry(entry: BusEntry): void {
    if (this.#closing.signal.aborted) return;
    this.received += 1;
    if (!this.#reading) {
      const verdict = this.#history.offer(entry);
      if (verdict === 'follows' || verdict === 'duplicate') return;
      this.readLog();
    }
    this.#buffer.push(entry);
  }

  onConnected(connected: boolean, error?: LivespanError): void {
    this.#subscribed = connected;
    if (connected) {
      this.readLog();
    } else {
      this.#caughtUp = false;
      this.problem = error;
    }
  }

  onForeign(): void {
    this.foreignMessages += 1;
  }

  /** From now on live entries wait until the log was read. */
  readLog(): void {
    this.#reading = true;
    this.#work.wake();
  }

  /** One after the other for the whole life of the feed, so that the history has one writer. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      const seen = this.#work.count;
      try {
        await this.#subscribe();
        const done = await this.#catchUp();
        failures = 0;
        if (done && seen === this.#work.count) await this.#goLive(seen);
      } catch (error) {
        if (signal.aborted) break;
        this.#fail(toLivespanError(error));
        await this.#work.wait(this.#work.count, signal, backOffMs(failures++, BACK_OFF_MAX_MS)).catch(() => undefined);
      }
    }
    await this.#subscription
      ?.close()
      .catch((error: unknown) => log.debug('the subscription did not end cleanly', error));
  }

  async #subscribe(): Promise<void> {
    if (this.#subscription !== undefined) return;
    this.#subscription = await this.#bus.subscribe(this);
    this.#subscribed = true;
  }

  /** Reads what did not come live, then takes what came meanwhile. False when the log must be read once more. */
  async #catchUp(): Promise<boolean> {
    this.#reading = true;
    // What came before this look at the log is read now, or is no entry of the log.
    const earlier = this.#buffer.take();
    const info = await catchUp(this.#history, this.#bus, this.#seed, this.#closing.signal);
    this.#setClock(info);
    this.foreignMessages += countUntrusted(earlier, info.last);
    if (this.#buffer.overflowed) return false;
    const entries = this.#buffer.take();
    for (const [index, entry] of entries.entries()) {
      const verdict = this.#history.offer(entry);
      if (verdict === 'follows' || verdict === 'duplicate') continue;
      for (const later of entries.slice(index)) this.#buffer.push(later);
      return false;
    }
    return true;
  }

  /** Live entries go straight into the ring until something is wrong. */
  async #goLive(seen: number): Promise<void> {
    this.#reading = false;
    this.#caughtUp = true;
    this.problem = undefined;
    this.#first.resolve();
    this.#wentLive.wake();
    while (!(await this.#work.wait(seen, this.#closing.signal, this.#idleCheckMs)));
  }

  #fail(error: LivespanError): void {
    this.#caughtUp = false;
    this.problem = error;
    this.#first.reject(error);
    log.debug('the live feed cannot read the log', error);
  }

  /** A connection may be alive and deaf: compares the ring with the log though nothing seems wrong. */
  async #checkIdle(): Promise<void> {
    const { track, epoch, since } = this.#history;
    if (this.#reading || this.#checking || track === undefined) return;
    this.#checking = true;
    try {
      const info = await this.#bus.info(track.position);
      this.#setClock(info);
      const comparison = compareWithLog(track, epoch, since, info);
      if (comparison === 'behind' && (await this.#arrives(info.last))) return;
      if (comparison !== 'same') this.readLog();
    } catch (error) {
      // The worker meets the same error, tells it, and tries again.
      if (!this.#closing.signal.aborted) this.readLog();
      log.debug('the idle check failed', error);
    } finally {
      this.#checking = false;
    }
  }

  /**
   * Whether everything up to `last` comes live. Late is not deaf: a process with much to do gets it later, and reading the
   * log as well would give it more. So only the silence counts, and what is in the socket already is no silence.
   */
  async #arrives(last: Position): Promise<boolean> {
    const { appended } = this.#history;
    while (true) {
      const seen = appended.count;
      const read = this.#history.track?.read;
      if (read !== undefined && comparePositions(read, last) >= 0) return true;
      if (await appended.wait(seen, this.#closing.signal, LIVE_DELAY_MAX_MS)) continue;
      // After a long turn of the event loop timers come first, sockets second.
      await nextTurn();
      if (seen === appended.count) return false;
    }
  }

  #setClock(info: BusInfo): void {
    this.#clockOffsetMs = info.timeMs - Date.now();
  }
}

/** The first success or failure; whoever asks is told, nobody has to ask. */
class FirstOutcome {
  readonly promise: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (error: LivespanError) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}
