import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { log } from '../diag.ts';
import { openTarget, type TargetOptions } from './target.ts';

/**
 * After an uncaught exception Node ends the process without another turn of its event loop. So what is still unconfirmed
 * is sent from a thread, on a connection of its own, while this one waits: Node's output, exit code and stack trace stay
 * as they are, and no more of the application runs. The batches keep their numbers: what had arrived is not added twice.
 */
export interface Rescue {
  target: TargetOptions;
  producerId: string;
  acked: number;
  batches: { number: number; activities: readonly string[] }[];
  timeoutMs: number;
}

interface ThreadData {
  livespanRescue: Rescue;
  done: SharedArrayBuffer;
}

/** Blocks until the batches are confirmed, for at most `timeoutMs`. */
export function rescueInWorker(rescue: Rescue): void {
  // In a bundle this is the application's own file, which must not run again in a thread; a `memory:` log dies with us.
  if (!/\/crash-rescue\.[jt]s$/.test(import.meta.url) || rescue.target.url.startsWith('memory:')) return;
  const done = new SharedArrayBuffer(4);
  try {
    const data: ThreadData = { livespanRescue: rescue, done };
    const worker = new Worker(new URL(import.meta.url), { workerData: data, execArgv: [], env: {}, stderr: true });
    worker.on('error', (error) => log.warn('the last activities could not be sent', error));
    worker.unref();
    Atomics.wait(new Int32Array(done), 0, 0, rescue.timeoutMs);
  } catch (error) {
    log.warn('the last activities could not be sent', error);
  }
}

/** In the thread: in order, one at a time; the first failure ends it, because there is no time to try on. */
async function send({ livespanRescue: rescue, done }: ThreadData): Promise<void> {
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

function isThreadData(value: unknown): value is ThreadData {
  return typeof value === 'object' && value !== null && 'livespanRescue' in value;
}

if (!isMainThread && isThreadData(workerData)) void send(workerData);
