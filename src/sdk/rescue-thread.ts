import { isMainThread, workerData } from 'node:worker_threads';
import type { Rescue } from './crash-rescue.ts';
import { openTarget } from './target.ts';

/** What the thread is given: the batches, and where to say that they are confirmed. */
export interface RescueData {
  livespanRescue: Rescue;
  done: SharedArrayBuffer;
}

/** In order, one at a time; the first failure ends it, because there is no time to try on. */
async function send({ livespanRescue: rescue, done }: RescueData): Promise<void> {
  // Our sockets keep no thread alive either.
  const alive = setInterval(() => undefined, rescue.timeoutMs);
  try {
    const target = await openTarget(rescue.target);
    let { acked } = rescue;
    for (const { number, activities } of rescue.batches) {
      const producer = { id: rescue.producerId, batch: number, acked: Math.min(acked, number - 1) };
      const { outcome } = await target.append({ activities, producer });
      if (outcome !== 'appended' && outcome !== 'duplicate') break;
      acked = Math.max(acked, number);
    }
  } finally {
    clearInterval(alive);
    const flag = new Int32Array(done);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  }
}

function isRescueData(value: unknown): value is RescueData {
  return typeof value === 'object' && value !== null && 'livespanRescue' in value;
}

if (!isMainThread && isRescueData(workerData)) void send(workerData);
