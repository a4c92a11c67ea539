import type { Bus } from '../bus/bus.ts';
import { log } from '../diag.ts';

/** Looks for instances that fell silent. Every server does; the log sees to it that exactly one says so. */
export interface InstanceWatch {
  stats(): { lost: number; failed: number };
  close(): Promise<void>;
}

const TURN_MS = 5_000;

export function createInstanceWatch(bus: Bus, silentMs: number): InstanceWatch {
  let lost = 0;
  let failed = 0;
  let turn: Promise<void> | undefined;

  async function look(): Promise<void> {
    // Failure is no news here: while the log is away nobody is judged, and /ready says it is away.
    if (!bus.status().connected) return;
    try {
      lost += (await bus.sweepInstances(silentMs)).lost.length;
    } catch (thrown) {
      failed += 1;
      log.debug('The watch over instances missed a turn', thrown);
    }
  }

  // Turns have to come closer together than half of the silence, or the watching counts as broken.
  const timer = setInterval(
    () => {
      turn ??= look().finally(() => {
        turn = undefined;
      });
    },
    Math.min(TURN_MS, Math.floor(silentMs / 4)),
  );

  return {
    stats: () => ({ lost, failed }),
    async close() {
      clearInterval(timer);
      await turn;
    },
  };
}
