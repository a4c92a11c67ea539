import type { Activity } from '../../activity/activity.ts';
import { LOSS_ENTRIES_MAX } from './bounds.ts';
import type { Frame, Loss, LossEntry } from './model.ts';

const TOTAL = 'livespan.dropped.total';
const PREFIX = 'livespan.dropped.';

/** What was not seen: exact sums, and the newest of the single losses. */
export class LossBook {
  #loss: Loss = EMPTY;

  get(): Loss {
    return this.#loss;
  }

  /** A control frame. */
  add(frame: Exclude<Frame, { type: 'activity' | 'position' }>, atMs: number): void {
    const { type, cursor } = frame;
    const loss = this.#loss;
    if (frame.type === 'reset') {
      this.#loss = { ...loss, resets: loss.resets + 1, entries: put(loss, { type, cursor, missed: 0, atMs }) };
      return;
    }
    const sampled = frame.type === 'lagged' ? (frame.sampled ?? 1) : loss.sampled;
    // A lag of nothing only tells that sampling has ended.
    const entries = frame.missed === 0 ? loss.entries : put(loss, { type, cursor, missed: frame.missed, atMs });
    this.#loss = {
      ...loss,
      missed: loss.missed + frame.missed,
      gaps: loss.gaps + (frame.type === 'gap' ? 1 : 0),
      lags: loss.lags + (frame.type === 'lagged' && frame.missed > 0 ? 1 : 0),
      sampled,
      entries,
    };
  }

  /** A notice `livespan.dropped`. */
  addDropped(cursor: string, { attributes, service, instance }: Activity, atMs: number): void {
    const reasons: Record<string, number> = {};
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith(PREFIX) && key !== TOTAL && typeof value === 'number' && value > 0) {
        reasons[key.slice(PREFIX.length)] = value;
      }
    }
    const told = attributes[TOTAL];
    const missed = typeof told === 'number' ? told : Object.values(reasons).reduce((sum, count) => sum + count, 0);
    const entry: LossEntry = {
      type: 'dropped',
      cursor,
      missed,
      atMs,
      reasons,
      ...(service !== undefined && { service }),
      ...(instance !== undefined && { instance }),
    };
    this.#loss = { ...this.#loss, dropped: this.#loss.dropped + missed, entries: put(this.#loss, entry) };
  }

  clear(): void {
    this.#loss = EMPTY;
  }
}

const EMPTY: Loss = { missed: 0, gaps: 0, lags: 0, resets: 0, dropped: 0, sampled: 1, entries: [] };

function put(loss: Loss, entry: LossEntry): readonly LossEntry[] {
  return [entry, ...loss.entries].slice(0, LOSS_ENTRIES_MAX);
}
