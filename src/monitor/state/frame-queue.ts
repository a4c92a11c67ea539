import type { EngineLimits } from './bounds.ts';
import type { Frame } from './model.ts';
import { isError } from './span-row.ts';

export interface Waiting {
  frame: Frame;
  receivedMs: number;
}

/**
 * Frames between the connection and the page. Each is counted exactly once, when it is taken or when it is given up for
 * the rows; while the rows are held, those that were counted are kept for them.
 */
export class FrameQueue {
  readonly #limits: EngineLimits;
  readonly #count: (waiting: Waiting) => void;
  #queue: Waiting[] = [];
  #at = 0;
  /** Counted, not shown. */
  #held: Waiting[] = [];
  #released: Waiting[] = [];
  #releasedAt = 0;
  #isHeld = false;
  #heldCount = 0;
  #trimmed = 0;
  /** Counted, and given up for the rows because too many waited. */
  coalesced = 0;

  constructor(limits: EngineLimits, count: (waiting: Waiting) => void) {
    this.#limits = limits;
    this.#count = count;
  }

  get length(): number {
    return this.#queue.length - this.#at + (this.#released.length - this.#releasedAt);
  }

  push(frames: readonly Frame[], receivedMs: number): void {
    for (const frame of frames) this.#queue.push({ frame, receivedMs });
    if (this.#queue.length - this.#at > this.#limits.queueMax) this.#shed();
  }

  /** The next one to work on. `isShown`: it goes to the rows now; it has been counted in any case. */
  next(): { waiting: Waiting; isShown: boolean } | undefined {
    const released = this.#isHeld ? undefined : this.#released[this.#releasedAt];
    if (released !== undefined) {
      this.#releasedAt += 1;
      if (this.#releasedAt === this.#released.length) {
        this.#released = [];
        this.#releasedAt = 0;
      }
      return { waiting: released, isShown: true };
    }
    const waiting = this.#queue[this.#at];
    if (waiting === undefined) return undefined;
    this.#at += 1;
    if (this.#at === this.#queue.length || this.#at >= 4_096) {
      this.#queue = this.#queue.slice(this.#at);
      this.#at = 0;
    }
    this.#count(waiting);
    if (this.#isHeld) this.#keep(waiting);
    return { waiting, isShown: !this.#isHeld };
  }

  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) {
      // What a pause before this one left over comes first.
      this.#held = this.#released.slice(this.#releasedAt);
    } else this.#released = this.#held;
    if (isHeld) this.#released = [];
    else this.#held = [];
    this.#releasedAt = 0;
    this.#heldCount = this.#held.filter(isNews).length;
    this.#trimmed = 0;
  }

  /** Activities that came while the rows are held, exactly; `trimmed` of them are not kept. */
  held(): { count: number; trimmed: number } {
    return { count: this.#heldCount, trimmed: this.#trimmed };
  }

  clear(): void {
    this.#queue = [];
    this.#at = 0;
    this.#held = [];
    this.#released = [];
    this.#releasedAt = 0;
    this.#heldCount = 0;
    this.#trimmed = 0;
    this.coalesced = 0;
  }

  #keep(waiting: Waiting): void {
    if (waiting.frame.type === 'position') return;
    this.#held.push(waiting);
    if (isNews(waiting)) this.#heldCount += 1;
    if (this.#held.length <= this.#limits.heldMax) return;
    const before = this.#held.length;
    this.#held = thin(this.#held, Math.ceil(this.#limits.heldMax / 4));
    this.#trimmed += before - this.#held.length;
  }

  /** Too much at once: the older half goes to the figures now, and to the rows only what must not be missed. */
  #shed(): void {
    const waiting = this.#queue.slice(this.#at);
    const older = waiting.splice(0, Math.ceil(waiting.length / 2));
    const precious: Waiting[] = [];
    for (const one of older) {
      this.#count(one);
      if (this.#isHeld) this.#keep(one);
      else if (isPrecious(one)) precious.push(one);
      else this.coalesced += 1;
    }
    this.#released = [...this.#released.slice(this.#releasedAt), ...precious].slice(-this.#limits.queueMax);
    this.#releasedAt = 0;
    this.#queue = waiting;
    this.#at = 0;
  }
}

function isNews({ frame }: Waiting): boolean {
  return frame.type === 'activity';
}

/** Errors, what the system says, and holes: never left out. */
function isPrecious({ frame }: Waiting): boolean {
  return frame.type !== 'activity' || frame.activity.kind === 'notice' || isError(frame.activity);
}

/** Without the oldest `count`, of which precious ones stay as long as there is room for them. */
function thin(held: readonly Waiting[], count: number): Waiting[] {
  const dispensable = held.filter((one) => !isPrecious(one)).length;
  if (dispensable < count) return held.slice(count);
  let left = count;
  return held.filter((one) => {
    if (left === 0 || isPrecious(one)) return true;
    left -= 1;
    return false;
  });
}
