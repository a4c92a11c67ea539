import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';

/** What the readers saw, all of them together; every counter only grows. */
export interface ReaderCounts {
  entries: number;
  connections: number;
  /** Connections that broke without our doing. */
  breaks: number;
  /** Gap, lagged and reset frames, and the entries that they counted. */
  told: number;
  missed: number;
  /** What must never be: one of these ends the soak as failed. */
  wrong: string[];
}

export const noCounts = (): ReaderCounts => ({
  entries: 0,
  connections: 0,
  breaks: 0,
  told: 0,
  missed: 0,
  wrong: [],
});

/** Attribute by which the filtered readers choose: one event in so many. */
export const LANES = 10;
const LIFE_MIN_MS = 5_000;
const LIFE_SPREAD_MS = 55_000;
/** Longer than the ring reaches back, so that some come back by way of the log. */
const AWAY_MAX_MS = 20_000;
const WRONG_MAX = 50;

/**
 * A reader that comes and goes, resumes where it was, and holds every entry against the one before: dense numbers, or
 * with a filter every tenth event. Takes blocks apart by hand, because a parser a reader would cost more than the server.
 */
export class SoakReader {
  readonly #url: string;
  readonly #lane: number | undefined;
  readonly #counts: ReaderCounts;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #rest = '';
  #cursor = '';
  #n = -1;
  #index = -1;
  #stopped = false;

  /** @param lane which of the lanes it asks for; absent reads everything */
  constructor(url: string, lane: number | undefined, counts: ReaderCounts) {
    this.#url = url;
    this.#lane = lane;
    this.#counts = counts;
  }

  /** Number of the newest entry, -1 before the first cursor. */
  get n(): number {
    return this.#n;
  }

  get connected(): boolean {
    return this.#request !== undefined;
  }

  come(): void {
    clearTimeout(this.#timer);
    const address = new URL('/activity/stream', this.#url);
    if (this.#lane !== undefined) address.searchParams.set('filter', `@lane:${this.#lane}`);
    const headers = this.#cursor === '' ? {} : { 'last-event-id': this.#cursor };
    this.#rest = '';
    this.#counts.connections += 1;
    const made = request(address, { headers, agent: false }, (response) => this.#read(made, response));
    this.#request = made;
    made.on('error', () => this.#broken(made));
    made.end();
    if (!this.#stopped) this.#timer = setTimeout(() => this.#go(), LIFE_MIN_MS + Math.random() * LIFE_SPREAD_MS);
  }

  /** Stays from now on: the end of the soak waits until everybody has everything. */
  stay(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#request === undefined) this.come();
  }

  close(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const made = this.#request;
    this.#request = undefined;
    made?.destroy();
  }

  #go(): void {
    const made = this.#request;
    this.#request = undefined;
    made?.destroy();
    this.#timer = setTimeout(() => this.come(), Math.random() ** 2 * AWAY_MAX_MS);
  }

  #broken(made: ClientRequest): void {
    if (this.#request !== made) return;
    this.#request = undefined;
    this.#counts.breaks += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.come(), 500);
  }

  #read(made: ClientRequest, response: IncomingMessage): void {
    if (response.statusCode !== 200) this.#wrong(`status ${response.statusCode}`);
    response.setEncoding('latin1');
    response.on('data', (chunk: string) => {
      if (this.#request === made) this.#take(chunk);
    });
    response.on('close', () => this.#broken(made));
  }

  #take(chunk: string): void {
    const text = this.#rest + chunk;
    let at = 0;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', at)) {
      this.#takeBlock(text, at, end);
      at = end + 2;
    }
    this.#rest = text.slice(at);
  }

  #takeBlock(text: string, at: number, end: number): void {
    if (text.startsWith(': ', at)) {
      // A start or a heartbeat: a bare id.
      const id = /\nid: (\d+-(\d+))/.exec(text.slice(at, end));
      if (id !== null) this.#moveTo(id[1] ?? '', Number(id[2]));
      return;
    }
    const lineEnd = text.indexOf('\n', at);
    const cursor = text.slice(at + 4, lineEnd);
    const n = Number(cursor.slice(cursor.indexOf('-') + 1));
    const control = /^event: (gap|lagged|reset)\ndata: .*?(?:"missed":(\d+)|\})/.exec(
      text.slice(lineEnd + 1, lineEnd + 100),
    );
    if (control !== null) {
      this.#counts.told += 1;
      this.#counts.missed += Number(control[2] ?? 0);
      this.#index = -1;
    } else {
      this.#counts.entries += 1;
      if (this.#lane === undefined) {
        if (this.#n >= 0 && n !== this.#n + 1) this.#wrong(`after ${this.#cursor} came ${cursor}`);
      } else this.#checkLane(text.slice(text.indexOf('\ndata: ', lineEnd) + 7, end));
    }
    this.#cursor = cursor;
    this.#n = n;
  }

  /** A bare cursor says where the reader is: never behind it, and ahead only where a filter left entries out. */
  #moveTo(cursor: string, n: number): void {
    const fits = this.#n < 0 || (this.#lane === undefined ? n === this.#n : n >= this.#n);
    if (!fits) this.#wrong(`a bare id ${cursor} after ${this.#cursor}`);
    this.#cursor = cursor;
    this.#n = n;
  }

  #checkLane(json: string): void {
    const { attributes, name } = JSON.parse(json) as { name: string; attributes: { index?: number; lane?: number } };
    const { index, lane } = attributes;
    // Notices of the system pass every filter.
    if (index === undefined) return;
    if (lane !== this.#lane) this.#wrong(`lane ${this.#lane} got ${name} of lane ${lane}`);
    if (this.#index >= 0 && index !== this.#index + LANES) this.#wrong(`after index ${this.#index} came ${index}`);
    this.#index = index;
  }

  #wrong(what: string): void {
    if (this.#counts.wrong.length < WRONG_MAX) this.#counts.wrong.push(what);
  }
}

/** Asks for the stream and never reads it; when it was cut, or after a while, another one comes. */
export class NeverReader {
  readonly #url: URL;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  come(): void {
    this.#socket?.destroy();
    const { port, hostname, host } = this.#url;
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET /activity/stream HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      socket.pause();
    });
    socket.on('error', () => socket.destroy());
    this.#socket = socket;
    // The server cuts it after 30 s without a byte taken; a paused socket never hears of that.
    this.#timer = setTimeout(() => this.come(), 40_000);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }
}
