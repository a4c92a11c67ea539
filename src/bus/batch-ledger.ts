import { PRODUCER_BATCHES_KEPT, PRODUCER_LIFE_MS, SEEN_COUNT_MAX, SEEN_LIFE_MS } from './append-request.ts';
import type { AppendResult } from './bus.ts';

/** Producers remembered at once; beyond it the one silent for longest is forgotten, and its `acked` stands in for it. */
const PRODUCERS_MAX = 10_000;

interface Producer {
  last: number;
  seenMs: number;
  /** Answers to the newest batches, at `batch mod PRODUCER_BATCHES_KEPT`. */
  answers: (Answer | undefined)[];
}

interface Answer {
  batch: number;
  ms: number;
  /** `n` of the first and the last entry; 0 where the batch had none. */
  first: number;
  last: number;
}

/** What the memory log remembers of numbered batches and of digests, so that a resend is recognised. */
export interface BatchLedger {
  /** The answer to a batch that must not be applied, `undefined` for the one that comes next. */
  judge(id: string, batch: number, acked: number, nowMs: number): AppendResult | undefined;
  record(id: string, answer: Answer, nowMs: number): void;
  hasSeen(digest: string, nowMs: number): boolean;
  see(digest: string, nowMs: number): void;
}

export function createBatchLedger(): BatchLedger {
  // Both maps are kept in the order of last use, oldest first.
  const producers = new Map<string, Producer>();
  const digests = new Map<string, number>();

  const recall = (id: string, nowMs: number): Producer | undefined => {
    const producer = producers.get(id);
    if (producer === undefined || producer.seenMs > nowMs - PRODUCER_LIFE_MS) return producer;
    producers.delete(id);
    return undefined;
  };

  return {
    judge(id, batch, acked, nowMs) {
      const producer = recall(id, nowMs);
      const last = Math.max(producer?.last ?? 0, acked);
      if (batch > last + 1) return { outcome: 'out_of_order', last };
      if (batch === last + 1) return undefined;
      const answer = producer?.answers[batch % PRODUCER_BATCHES_KEPT];
      if (answer?.batch !== batch || answer.first === 0) return { outcome: 'duplicate' };
      const { ms } = answer;
      return { outcome: 'duplicate', first: { ms, n: answer.first }, last: { ms, n: answer.last } };
    },
    record(id, answer, nowMs) {
      const producer = recall(id, nowMs) ?? { last: 0, seenMs: nowMs, answers: [] };
      producer.last = answer.batch;
      producer.seenMs = nowMs;
      producer.answers[answer.batch % PRODUCER_BATCHES_KEPT] = answer;
      producers.delete(id);
      producers.set(id, producer);
      if (producers.size > PRODUCERS_MAX) dropOldest(producers);
    },
    hasSeen(digest, nowMs) {
      const seenMs = digests.get(digest);
      return seenMs !== undefined && seenMs > nowMs - SEEN_LIFE_MS;
    },
    see(digest, nowMs) {
      digests.delete(digest);
      digests.set(digest, nowMs);
      if (digests.size > SEEN_COUNT_MAX) dropOldest(digests);
      for (const [oldest, seenMs] of digests) {
        if (seenMs > nowMs - SEEN_LIFE_MS) break;
        digests.delete(oldest);
      }
    },
  };
}

function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
