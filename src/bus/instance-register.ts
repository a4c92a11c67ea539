import { INSTANCES_MAX, LOST_A_TURN_MAX } from './append-request.ts';
import type { AppendRequest } from './bus.ts';

export interface RegisteredInstance {
  name: string;
  service: string | undefined;
  /** Log time of its last sign of life, ms. */
  lifeMs: number;
}

/** The instances the memory log knows, with their last sign of life, and the watch over them. */
export interface InstanceRegister {
  readonly count: number;
  /** Whether this sign of life comes from one that is not registered and did not just start. */
  isBack(instance: NonNullable<AppendRequest['instance']>): boolean;
  note(instance: NonNullable<AppendRequest['instance']>, nowMs: number): void;
  /** Forgets and returns those silent for `silentMs`; nobody before `silentMs` of unbroken watching. */
  sweep(silentMs: number, nowMs: number): RegisteredInstance[];
}

export function createInstanceRegister(): InstanceRegister {
  const instances = new Map<string, Omit<RegisteredInstance, 'name'>>();
  let watchedSinceMs = 0;
  let watchedMs = Number.NEGATIVE_INFINITY;

  return {
    get count() {
      return instances.size;
    },
    isBack: ({ name, sign }) => sign === 'alive' && !instances.has(name) && instances.size < INSTANCES_MAX,
    note({ name, service, sign }, nowMs) {
      const known = instances.get(name);
      if (sign === 'stopped') instances.delete(name);
      else if (known !== undefined) {
        known.lifeMs = nowMs;
        known.service = service ?? known.service;
      } else if (instances.size < INSTANCES_MAX) instances.set(name, { lifeMs: nowMs, service });
    },
    sweep(silentMs, nowMs) {
      if (nowMs < watchedMs || nowMs - watchedMs >= silentMs / 2) watchedSinceMs = nowMs;
      watchedMs = nowMs;
      if (nowMs - watchedSinceMs < silentMs) return [];
      const lost: RegisteredInstance[] = [];
      for (const [name, { lifeMs, service }] of instances) {
        if (nowMs - lifeMs < silentMs) continue;
        if (lost.length === LOST_A_TURN_MAX) break;
        instances.delete(name);
        lost.push({ name, service, lifeMs });
      }
      return lost;
    },
  };
}
