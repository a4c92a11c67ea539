import type { Ring, RingSlot } from '../feed/ring.ts';

type ActivitySlot = Extract<RingSlot, { type: 'activity' }>;

/** Which slots of the ring belong to a trace. */
export interface TraceIndex {
  /** The activities of the trace that the ring holds, and all notices about instances, in log order. */
  find(traceId: string): { activities: ActivitySlot[]; notices: ActivitySlot[] };
}

/**
 * Built when somebody asks and brought up to date at each question, so that it costs nothing while nobody does. It never
 * holds more than one number for each slot of the ring.
 */
export function createTraceIndex(ring: Ring): TraceIndex {
  const sequencesByTrace = new Map<string, number[]>();
  let noticeSequences: number[] = [];
  /** Trace of each indexed slot, from `start` on, to forget it when the ring does. */
  let traceIds: (string | undefined)[] = [];
  let start = 0;

  function refresh(): void {
    if (start + traceIds.length < ring.tail) clear();
    forget();
    for (let sequence = start + traceIds.length; sequence < ring.head; sequence++) {
      const slot = ring.at(sequence);
      const activity = slot?.type === 'activity' ? slot.activity : undefined;
      traceIds.push(activity?.traceId);
      if (activity?.traceId !== undefined) add(activity.traceId, sequence);
      else if (activity?.name.startsWith('livespan.instance_')) noticeSequences.push(sequence);
    }
  }

  function add(traceId: string, sequence: number): void {
    const sequences = sequencesByTrace.get(traceId);
    if (sequences === undefined) sequencesByTrace.set(traceId, [sequence]);
    else sequences.push(sequence);
  }

  function clear(): void {
    sequencesByTrace.clear();
    noticeSequences = [];
    traceIds = [];
    start = ring.tail;
  }

  function forget(): void {
    const gone = traceIds.splice(0, ring.tail - start);
    start = ring.tail;
    for (const traceId of new Set(gone)) {
      if (traceId === undefined) continue;
      const kept = (sequencesByTrace.get(traceId) ?? []).filter((sequence) => sequence >= start);
      if (kept.length > 0) sequencesByTrace.set(traceId, kept);
      else sequencesByTrace.delete(traceId);
    }
    noticeSequences = noticeSequences.filter((sequence) => sequence >= start);
  }

  function slotsAt(sequences: readonly number[]): ActivitySlot[] {
    return sequences.map((sequence) => ring.at(sequence)).filter((slot) => slot?.type === 'activity');
  }

  return {
    find(traceId) {
      refresh();
      return { activities: slotsAt(sequencesByTrace.get(traceId) ?? []), notices: slotsAt(noticeSequences) };
    },
  };
}
