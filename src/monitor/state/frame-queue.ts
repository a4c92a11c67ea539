import type { Activity } from '../../activity/activity.ts';
import type { EngineLimits } from './bounds.ts';
import type { Frame } from './model.ts';

/** Stands in the rows where `missed` activities were given up for them. `isBlind`: spans that run there may have ended. */
export interface Omission {
  type: 'omitted';
  cursor: string;
  missed: number;
  isBlind: boolean;
}

export interface Waiting {
  frame: Frame | Omission;
  receivedMs: number;
}

type Thinning = typeof import('./thinning.ts');

let thinning: Thinning | undefined;

/** Few pages are ever given more than they can show, so the code for it is loaded when the first one is. */
export async function loadThinning(): Promise<void> {
  thinning ??= await import('./thinning.ts');
}

/**
 * Frames between the connection and the page. Each is counted exactly once, when it is taken or when it is given up for
 * the rows; while the rows are held, those that were counted are kept for them.
 */
export class FrameQueue {
  readonly #limits: EngineLimits;
  readonly #count: (waiting: Waiting) => void;
  readonly #isOpen: (span: Activity) => boolean;
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
  omitted = 0;

  /** @param isOpen whether the span of that activity is shown without its end */
  constructor(limits: EngineLimits, count: (waiting: Waiting) => void, isOpen: (span: Activity) => boolean) {
    this.#limits = limits;
    this.#count = count;
    this.#isOpen = isOpen;
  }

  get length(): number {
    return this.#queue.length - this.#at + (this.#released.length - this.#releasedAt);
  }

  push(frames: readonly Frame[], receivedMs: number): void {
    for (const frame of frames) this.#queue.push({ frame, receivedMs });
    if (this.#queue.length - this.#at > this.#limits.queueMax) this.#thin((code) => this.#shed(code));
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
    this.omitted = 0;
  }

  #keep(waiting: Waiting): void {
    if (waiting.frame.type === 'position') return;
    this.#held.push(waiting);
    if (isNews(waiting)) this.#heldCount += 1;
    if (this.#held.length <= this.#limits.heldMax) return;
    this.#thin((code) => {
      const { kept, omitted } = code.withoutOldest(this.#held, Math.ceil(this.#limits.heldMax / 4), this.#isOpen);
      this.#held = kept;
      this.#trimmed += omitted;
      return omitted;
    });
  }

  /** Too much at once: the older half goes to the figures now, and to the rows only what must not be missed. */
  #shed(code: Thinning): number {
    const waiting = this.#queue.slice(this.#at);
    const older = waiting.splice(0, Math.ceil(waiting.length / 2));
    this.#queue = waiting;
    this.#at = 0;
    for (const one of older) {
      this.#count(one);
      if (this.#isHeld) this.#keep(one);
    }
    if (this.#isHeld) return 0;
    const precious = code.withoutOrdinary(older, this.#released.slice(this.#releasedAt), this.#isOpen);
    const { kept } = precious;
    const bounded = code.withoutOldest(kept, kept.length - this.#limits.queueMax, this.#isOpen);
    this.#released = bounded.kept;
    this.#releasedAt = 0;
    return precious.omitted + bounded.omitted;
  }

  /** Until its code is there, more waits. */
  #thin(giveUp: (code: Thinning) => number): void {
    if (thinning === undefined) loadThinning().catch(() => undefined);
    else this.omitted += giveUp(thinning);
  }
}

function isNews({ frame }: Waiting): boolean {
  return frame.type === 'activity';
}
