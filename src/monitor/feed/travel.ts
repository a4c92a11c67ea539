import { parseCursor } from '../../activity/cursor.ts';
import type { Frame, Speed } from '../state/model.ts';
import { fetchPage, type PageOptions } from './pages.ts';

export interface JourneyOptions extends PageOptions {
  filter: string;
  /** ms of log time. */
  fromMs: number;
  /** Read again at every turn. */
  speed: () => Speed;
  isHeld: () => boolean;
  onFrames: (frames: readonly Frame[]) => void;
  /** The moment being shown, ms of log time. */
  onMoment: (atMs: number) => void;
  /** The end of the log is reached: what comes after `cursor` is live. */
  onArrived: (cursor: string) => void;
  onFailed: (error: unknown) => void;
}

export interface Journey {
  /** Where it stands; '' before the first. */
  readonly cursor: string;
  close(): void;
}

const TURN_MS = 50;
const PAGE_ITEMS = 500;
/** What came before the moment, so that it shows what was running then. */
const LEAD_IN_ITEMS = 500;

/** Replays the log from a moment on: at its own pace, ten times as fast, or as fast as it goes. First comes what led there. */
export function startJourney(options: JourneyOptions): Journey {
  const journey = new RunningJourney(options);
  void journey.run();
  return journey;
}

class RunningJourney implements Journey {
  readonly #options: JourneyOptions;
  readonly #ending = new AbortController();
  cursor = '';
  #readTo: string;
  #waiting: Frame[] = [];
  #atMs: number;
  #isAtEnd = false;

  constructor(options: JourneyOptions) {
    this.#options = options;
    this.#atMs = options.fromMs;
    this.#readTo = `${Math.floor(options.fromMs)}-0`;
  }

  close(): void {
    this.#ending.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#ending;
    let turnMs = performance.now();
    try {
      await this.#leadIn(signal);
      while (!signal.aborted) {
        const speed = this.#options.speed();
        if (this.#waiting.length === 0) await this.#read(signal);
        const elapsedMs = performance.now() - turnMs;
        turnMs += elapsedMs;
        if (signal.aborted) return;
        if (!this.#options.isHeld()) this.#show(speed, elapsedMs);
        if (this.#waiting.length === 0 && this.#isAtEnd && this.#atMs >= this.#endMs(speed)) {
          this.#options.onArrived(this.cursor);
          return;
        }
        // Also as fast as it goes: the page has to get its turn.
        await new Promise((resolve) => setTimeout(resolve, speed === 'max' && this.#waiting.length > 0 ? 0 : TURN_MS));
      }
    } catch (error) {
      if (!signal.aborted) this.#options.onFailed(error);
    }
  }

  async #leadIn(signal: AbortSignal): Promise<void> {
    const { filter, onFrames, onMoment } = this.#options;
    const query = { filter, order: 'desc', limit: LEAD_IN_ITEMS, until: this.#readTo } as const;
    const page = await fetchPage(this.#options, query, signal);
    if (signal.aborted) return;
    // A moment is no place: it may be ahead of the log. Before everything no gap is owed.
    this.cursor = page.frames.find((frame) => frame.type === 'activity')?.cursor ?? page.next ?? '0-0';
    onFrames(page.frames.reverse());
    onMoment(this.#atMs);
  }

  async #read(signal: AbortSignal): Promise<void> {
    const query = { filter: this.#options.filter, order: 'asc', limit: PAGE_ITEMS, since: this.#readTo } as const;
    const page = await fetchPage(this.#options, query, signal);
    this.#waiting = page.frames;
    this.#isAtEnd = page.next === undefined;
    this.#readTo = page.next ?? page.frames.at(-1)?.cursor ?? this.#readTo;
    if (page.frames.length === 0 && page.next !== undefined) this.cursor = page.next;
  }

  #show(speed: Speed, elapsedMs: number): void {
    if (speed !== 'max') this.#atMs += elapsedMs * speed;
    const isDue = (frame: Frame): boolean => (parseCursor(frame.cursor)?.ms ?? 0) <= this.#atMs;
    const later = speed === 'max' ? -1 : this.#waiting.findIndex((frame) => !isDue(frame));
    const due = later < 0 ? this.#waiting : this.#waiting.slice(0, later);
    this.#waiting = later < 0 ? [] : this.#waiting.slice(later);
    const last = due.at(-1);
    if (last !== undefined) {
      this.cursor = last.cursor;
      if (speed === 'max') this.#atMs = Math.max(this.#atMs, parseCursor(last.cursor)?.ms ?? 0);
      this.#options.onFrames(due);
    }
    this.#options.onMoment(this.#atMs);
  }

  /** As fast as it goes arrives with the last entry; else the time after it passes too, up to now. */
  #endMs(speed: Speed): number {
    return speed === 'max' ? 0 : Date.now() - TURN_MS;
  }
}
