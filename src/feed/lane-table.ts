import { type Filter, printFilter } from '../activity/filter.ts';
import { Lane } from './lane.ts';
import { Matcher } from './matcher.ts';
import type { StreamFormat } from './sse-frame.ts';

/** What a reader asks for. */
export interface LaneChoice {
  /** Absent: everything. */
  filter: Filter | undefined;
  format: StreamFormat;
  /** Chunked transfer coding (HTTP/1.1). */
  chunked: boolean;
}

/** The lanes in use, and one matcher a distinct filter text: formats and samplings of one filter share its verdicts. */
export class LaneTable {
  readonly #lanes = new Map<string, Lane>();
  readonly #matchers = new Map<string, Matcher>();
  #evaluationsBefore = 0;

  get size(): number {
    return this.#lanes.size;
  }

  values(): Iterable<Lane> {
    return this.#lanes.values();
  }

  /** Filter evaluations so far, by lanes that are gone too. */
  get evaluations(): number {
    let sum = this.#evaluationsBefore;
    for (const matcher of this.#matchers.values()) sum += matcher.evaluations;
    return sum;
  }

  /** Takes a place in the lane for this choice; give it back with `leave`. */
  enter(choice: LaneChoice, nowMs: number): Lane {
    const text = choice.filter === undefined ? '' : printFilter(choice.filter);
    const make = (): Matcher => new Matcher(text, text === '' ? undefined : choice.filter);
    return this.#enter(text, make, choice.format, choice.chunked, 1, nowMs);
  }

  /** A place in the lane that differs from `lane` in its sampling alone. */
  enterSampled(lane: Lane, oneIn: number, nowMs: number): Lane {
    return this.#enter(lane.matcher.text, () => lane.matcher, lane.format, lane.chunked, oneIn, nowMs);
  }

  leave(lane: Lane): void {
    lane.readers -= 1;
    if (lane.readers > 0) return;
    this.#lanes.delete(lane.key);
    const { matcher } = lane;
    matcher.users -= 1;
    if (matcher.users > 0) return;
    this.#matchers.delete(matcher.text);
    this.#evaluationsBefore += matcher.evaluations;
  }

  #enter(
    text: string,
    make: () => Matcher,
    format: StreamFormat,
    chunked: boolean,
    oneIn: number,
    nowMs: number,
  ): Lane {
    const key = `${format} ${chunked} ${oneIn} ${text}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      const matcher = this.#matchers.get(text) ?? make();
      this.#matchers.set(text, matcher);
      matcher.users += 1;
      lane = new Lane(key, matcher, format, chunked, oneIn, nowMs);
      this.#lanes.set(key, lane);
    }
    lane.readers += 1;
    return lane;
  }
}
