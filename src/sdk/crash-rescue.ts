import { existsSync } from 'node:fs';
import { log } from '../diag.ts';
import { threadsModule } from './load-module.ts';
import type { RescueData } from './rescue-thread.ts';
import type { TargetOptions } from './target.ts';

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

/** Blocks until the batches are confirmed, for at most `timeoutMs`. */
export function rescueInWorker(rescue: Rescue): void {
  // A `memory:` log dies with us; in an application's bundle the thread's file is not beside us.
  const thread = new URL(`./rescue-thread${import.meta.url.slice(-3)}`, import.meta.url);
  if (rescue.target.url.startsWith('memory:') || !existsSync(thread)) return;
  const done = new SharedArrayBuffer(4);
  try {
    const { Worker } = threadsModule();
    const data: RescueData = { livespanRescue: rescue, done };
    const worker = new Worker(thread, { workerData: data, execArgv: [], env: {}, stderr: true });
    worker.on('error', (error) => log.warn('the last activities could not be sent', error));
    worker.unref();
    Atomics.wait(new Int32Array(done), 0, 0, rescue.timeoutMs);
  } catch (error) {
    log.warn('the last activities could not be sent', error);
  }
}
