import type { Position } from '../activity/cursor.ts';
import type { RangePage, RangeQuery } from './bus.ts';

export interface EntryLimits {
  countMax: number;
  /** UTF-8 bytes of the entries' JSON. */
  bytesMax: number;
  /** 0 is never. */
  ageMaxMs: number;
}

const CAPACITY_FIRST = 1_024;

/**
 * The retained entries. Their `n` is dense, so entry `n` stands in slot `n mod capacity` and nothing is ever moved or
 * shifted; a capacity of a power of two grows with what is held, up to the bounds.
 */
export class MemoryEntries {
  readonly limits: EntryLimits;
  /** `n` of the oldest retained entry; `lastN + 1` when there is none. */
  firstN = 1;
  /** `n` of the newest entry ever appended. */
  lastN = 0;
  #bytes = 0;
  #mask = CAPACITY_FIRST - 1;
  #ms = new Float64Array(CAPACITY_FIRST);
  #sizes = new Uint32Array(CAPACITY_FIRST);
  #jsons: (string | undefined)[] = new Array(CAPACITY_FIRST).fill(undefined);

  constructor(limits: EntryLimits) {
    this.limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.lastN - this.firstN + 1;
  }

  push(ms: number, json: string): void {
    if (this.count > this.#mask) this.#grow();
    const slot = ++this.lastN & this.#mask;
    const size = Buffer.byteLength(json);
    this.#ms[slot] = ms;
    this.#sizes[slot] = size;
    this.#jsons[slot] = json;
    this.#bytes += size;
  }

  /** Lets go of the oldest until the bounds hold. */
  trim(nowMs: number): void {
    const { countMax, bytesMax, ageMaxMs } = this.limits;
    const oldestMs = ageMaxMs === 0 ? Number.NEGATIVE_INFINITY : nowMs - ageMaxMs;
    while (this.firstN <= this.lastN) {
      if (this.count <= countMax && this.#bytes <= bytesMax && this.msAt(this.firstN) >= oldestMs) return;
      const slot = this.firstN++ & this.#mask;
      this.#bytes -= this.#sizes[slot] ?? 0;
      this.#jsons[slot] = undefined;
    }
  }

  msAt(n: number): number {
    return this.#ms[n & this.#mask] ?? 0;
  }

  jsonAt(n: number): string {
    return this.#jsons[n & this.#mask] ?? '';
  }

  positionAt(n: number): Position {
    return { ms: this.msAt(n), n };
  }

  holds(position: Position): boolean {
    return position.n >= this.firstN && position.n <= this.lastN && this.msAt(position.n) === position.ms;
  }

  range(query: RangeQuery): RangePage {
    let low = this.firstN;
    let end = this.lastN + 1;
    if (query.from !== undefined) low = Math.max(low, this.#search(query.from, false));
    if (query.after !== undefined) low = Math.max(low, this.#search(query.after, true));
    if (query.to !== undefined) end = Math.min(end, this.#search(query.to, true));
    if (query.before !== undefined) end = Math.min(end, this.#search(query.before, false));
    const page: RangePage = { entries: [], skipped: 0 };
    const count = Math.min(query.limit, end - low);
    if (count <= 0) return page;
    const start = query.order === 'desc' ? end - 1 : low;
    const step = query.order === 'desc' ? -1 : 1;
    for (let i = 0, n = start; i < count; i++, n += step) {
      page.entries.push({ position: this.positionAt(n), json: this.jsonAt(n) });
    }
    if (count < end - low) page.next = this.positionAt(start + step * (count - 1));
    return page;
  }

  /** Lowest retained `n` that stands at or after the position (`beyond`: after it), else `lastN + 1`. */
  #search(position: Position, beyond: boolean): number {
    let low = this.firstN;
    let high = this.lastN + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const order = this.msAt(middle) - position.ms || middle - position.n;
      if (order < 0 || (beyond && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2;
    const ms = new Float64Array(capacity);
    const sizes = new Uint32Array(capacity);
    const jsons: (string | undefined)[] = new Array(capacity).fill(undefined);
    for (let n = this.firstN; n <= this.lastN; n++) {
      const from = n & this.#mask;
      const to = n & (capacity - 1);
      ms[to] = this.#ms[from] ?? 0;
      sizes[to] = this.#sizes[from] ?? 0;
      jsons[to] = this.#jsons[from];
    }
    this.#mask = capacity - 1;
    this.#ms = ms;
    this.#sizes = sizes;
    this.#jsons = jsons;
  }
}
