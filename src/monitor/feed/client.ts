import { compareCursors } from '../../activity/cursor.ts';
import { parseFilter } from '../../activity/filter-parser.ts';
import type { Frame } from '../state/model.ts';
import type { HubMessage, TabMessage } from './hub.ts';
import { readLine } from './lines.ts';
import { fetchPage, type PageOptions } from './pages.ts';
import type { StreamState } from './stream.ts';

export interface ClientOptions extends PageOptions {
  /** Connects to the hub; `onGone` is told when the hub was replaced and forgot this tab. */
  connect: (onMessage: (message: HubMessage) => void, onGone: () => void) => (message: TabMessage) => void;
  onFrames: (frames: readonly Frame[]) => void;
  onInvalid: (lines: number) => void;
  onState: (state: StreamState) => void;
  /** Log entries still to be read before the view is live, about. */
  onBehind: (remaining: number) => void;
  /** The newest were read, and the log has more before that place. */
  onOlder?: (until: string) => void;
  /** How many of the newest to show first (1,000). */
  newestMax?: number;
}

/** Where to begin: the newest that are there, or right after a cursor. */
export type From = { newest: true } | { cursor: string };

export interface Client {
  /** Ends what was under way and follows the log from there. */
  follow(filter: string, from: From): void;
  retry(): void;
  /** Asks the hub anew and goes on from the last place: it has forgotten this tab. */
  rejoin(): void;
  /** The last place handed on; '' before the first. While pages are read, the place that the log was searched to. */
  readonly cursor: string;
  /** Reads pages still, so that every place before `cursor` was looked at. */
  readonly isCatchingUp: boolean;
  stop(): void;
  close(): void;
}

/** Of all subscriptions, the number of the last. */
let subscriptions = 0;

const PAGE_RETRY_MS = 1_000;
/** Frames of the hub kept while the pages are being read; beyond, the hub is asked again when they are nearer. */
const KEPT_MAX = 20_000;

/**
 * Follows the log for one tab: what is there already comes in pages, what is new from the hub. The hub is asked first and
 * what it sends is kept until the pages have reached that place; then both meet by their cursors, nothing twice, nothing
 * left out.
 */
export function createClient(options: ClientOptions): Client {
  let run: Run | undefined;
  const send = options.connect(
    (message) => run?.hear(message),
    () => run?.rejoin(),
  );
  return {
    follow(filter, from) {
      run?.end();
      run = new Run(options, send, filter, from);
      run.start();
    },
    retry: () => send({ type: 'retry' }),
    rejoin: () => run?.rejoin(),
    get cursor() {
      return run?.cursor ?? '';
    },
    get isCatchingUp() {
      return run?.isCatchingUp ?? false;
    },
    stop() {
      run?.end();
      run = undefined;
      send({ type: 'bye' });
    },
    close() {
      run?.end();
      run = undefined;
      send({ type: 'bye' });
    },
  };
}

class Run {
  readonly #options: ClientOptions;
  readonly #send: (message: TabMessage) => void;
  readonly #filter: string;
  /** Where the hub does not filter. */
  #matches: ((frame: Frame) => boolean) | undefined;
  #from: From;
  #ending = new AbortController();
  /** Frames of the hub that wait for the pages; `undefined` once both have met. */
  #kept: Frame[] | undefined = [];
  /** The hub may have to come up to what the pages have brought, where it had to reconnect meanwhile. */
  #isHubBehind = true;
  #subscription = 0;
  /** Whether the newest were shown before the hub was there. */
  #early: Promise<boolean> | undefined;
  cursor = '';

  constructor(options: ClientOptions, send: (message: TabMessage) => void, filter: string, from: From) {
    this.#options = options;
    this.#send = send;
    this.#filter = filter;
    this.#from = from;
    if ('cursor' in from) this.cursor = from.cursor;
  }

  start(): void {
    subscriptions += 1;
    this.#subscription = subscriptions;
    this.#send({ type: 'subscribe', filter: this.#filter, id: this.#subscription });
    // Of a whole log few places lie between these and the hub's, and rows need not wait for a worker to start. Under a
    // filter the newest may lie far back, and the log would be searched twice.
    if ('newest' in this.#from && this.#filter === '') {
      this.#early = this.#showNewest(this.#ending.signal).then(
        () => this.cursor !== '',
        // The stream says what is wrong; once it is there, they are asked for again.
        () => false,
      );
    }
  }

  end(): void {
    this.#ending.abort();
  }

  get isCatchingUp(): boolean {
    return this.#kept !== undefined;
  }

  /** Another hub: goes on from what was handed on last. */
  rejoin(): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    if (this.cursor !== '') this.#from = { cursor: this.cursor };
    this.#kept = [];
    this.start();
  }

  hear(message: HubMessage): void {
    if (message.type === 'state') {
      this.#options.onState(message.state);
      return;
    }
    if (message.id !== this.#subscription) return;
    if (message.type === 'joined') {
      void this.#meet(this.#ending.signal, message.isFiltered);
      return;
    }
    const frames = this.#read(message.text);
    if (this.#kept === undefined) this.#handMatching(this.#isHubBehind ? this.#newsOf(frames) : frames);
    else this.#kept.push(...frames);
    if (this.#kept !== undefined && this.#kept.length > KEPT_MAX) this.rejoin();
  }

  /** What lies after what the pages have brought; from the first of it on, the hub is where they are. */
  #newsOf(frames: readonly Frame[]): readonly Frame[] {
    const first = frames.findIndex((frame) => frame.cursor !== '' && this.#isNews(frame));
    const known = first < 0 ? frames : frames.slice(0, first);
    const news = frames.slice(known.length);
    // Of a log that was rolled back all places are known ones, and a hole may have begun before what the pages brought: they
    // tell what the log has now, and exactly what this tab missed.
    if (known.some(({ type }) => type === 'reset') || /gap|lagged/.test(news[0]?.type ?? '')) {
      this.rejoin();
      return [];
    }
    this.#isHubBehind = first < 0;
    return news;
  }

  #read(text: string): Frame[] {
    const frames: Frame[] = [];
    let invalid = 0;
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const read = readLine(line);
      if (read === undefined) invalid += 1;
      else if (read.type === 'frame') frames.push(read.frame);
    }
    if (invalid > 0) this.#options.onInvalid(invalid);
    return frames;
  }

  /** Reads the pages up to the place of the hub, then hands on what it sent meanwhile. */
  async #meet(signal: AbortSignal, isFiltered: boolean): Promise<void> {
    const from = this.#from;
    for (;;) {
      try {
        const matches = isFiltered ? undefined : await loadMatcher(this.#filter);
        if (signal.aborted) return;
        this.#matches = matches;
        const isBegun = 'cursor' in from || (await this.#early);
        if (signal.aborted) return;
        if (isBegun) await this.#catchUp(signal);
        else await this.#showNewest(signal);
        break;
      } catch {
        // The server is away or stops: the stream says so; the pages are asked for again when it is back.
        await new Promise((resolve) => setTimeout(resolve, PAGE_RETRY_MS));
      }
      if (signal.aborted) return;
    }
    if (signal.aborted) return;
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    this.#options.onBehind(0);
    this.#handMatching(this.#newsOf(kept));
  }

  async #showNewest(signal: AbortSignal): Promise<void> {
    const limit = this.#options.newestMax ?? 1_000;
    const page = await fetchPage(this.#options, { filter: this.#filter, order: 'desc', limit }, signal);
    if (signal.aborted) return;
    this.#options.onInvalid(page.invalid);
    this.#hand(page.frames.reverse());
    if (page.next !== undefined) this.#options.onOlder?.(page.next);
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    for (;;) {
      const since = this.cursor;
      const page = await fetchPage(this.#options, { filter: this.#filter, order: 'asc', limit: 1_000, since }, signal);
      if (signal.aborted) return;
      this.#options.onInvalid(page.invalid);
      this.#hand(page.frames);
      if (page.next === undefined) return;
      this.cursor = page.next;
      this.#options.onBehind(1);
    }
  }

  /** What does not pass the filter moves the place on all the same. */
  #handMatching(frames: readonly Frame[]): void {
    if (this.#matches === undefined) {
      this.#hand(frames);
      return;
    }
    this.#hand(frames.filter(this.#matches));
    const last = frames.at(-1)?.cursor ?? '';
    if (last !== '') this.cursor = last;
  }

  #hand(frames: readonly Frame[]): void {
    const last = frames.at(-1);
    if (last === undefined) return;
    if (last.cursor !== '') this.cursor = last.cursor;
    this.#options.onFrames(frames);
  }

  /** Whether the frame lies after what the pages have brought, or says that this is where the hub is. */
  #isNews(frame: Frame): boolean {
    return compareCursors(frame.cursor, this.cursor) >= (frame.type === 'position' ? 0 : 1);
  }
}

/** Few tabs have to filter by themselves, so the code for it is no part of the first load. */
async function loadMatcher(filter: string): Promise<(frame: Frame) => boolean> {
  const { compileFilter } = await import('../../activity/filter-predicate.ts');
  const parsed = parseFilter(filter);
  const passes = parsed.ok ? compileFilter(parsed.filter) : () => true;
  return (frame) => frame.type !== 'activity' || passes(frame.activity);
}
