import type { Activity } from '../../activity/activity.ts';
import type { EngineLimits } from './bounds.ts';
import type { InstanceState, ServiceFigures } from './model.ts';
import { RateMeter } from './rates.ts';
import { spanKey } from './span-row.ts';

const DURATIONS_MAX = 512;
const UNNAMED = 'unknown';

interface InstanceRecord {
  state: InstanceState;
  lastSeenMs: number;
}

interface ServiceRecord {
  meter: RateMeter;
  /** The newest, in no order: a ring. */
  durations: number[];
  durationsAt: number;
  lastSeenMs: number;
  instances: Map<string, InstanceRecord>;
}

interface Open {
  service: string;
  instance: string | undefined;
}

/** Figures by service. Fed with everything that arrives, also while the rows are paused. */
export class ServiceTable {
  readonly #limits: EngineLimits;
  readonly #services = new Map<string, ServiceRecord>();
  readonly #running = new Map<string, Open>();
  readonly #lost = new Map<string, Open>();
  /** Ends may not be seen: then what runs is not known. */
  areEndsHidden = false;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running.size;
  }

  get lost(): number {
    return this.#lost.size;
  }

  add(activity: Activity, timeMs: number, isError: boolean): void {
    const { kind, instance } = activity;
    const service = activity.service ?? UNNAMED;
    if (kind === 'notice') {
      this.#hear(activity, service, timeMs);
      return;
    }
    const record = this.#open(service);
    record.meter.add(timeMs, isError);
    record.lastSeenMs = Math.max(record.lastSeenMs, timeMs);
    if (instance !== undefined) this.#sign(record, instance, timeMs);
    if (kind !== 'span.start' && kind !== 'span.end') return;
    if (activity.spanId === undefined) return;
    const key = spanKey(activity.traceId, activity.spanId);
    if (kind === 'span.start') {
      if (!this.areEndsHidden) remember(this.#running, key, { service, instance }, this.#limits.rowsMax);
      return;
    }
    this.#running.delete(key);
    this.#lost.delete(key);
    record.meter.addEnded(timeMs, isError, activity.durationMs);
    if (activity.durationMs === undefined) return;
    record.durations[record.durationsAt % DURATIONS_MAX] = activity.durationMs;
    record.durationsAt += 1;
  }

  /** Something was not seen: what runs now is not known. */
  loseSight(): void {
    this.#running.clear();
  }

  figures(nowMs: number): readonly ServiceFigures[] {
    const running = new Map<string, number>();
    for (const { service } of this.#running.values()) running.set(service, (running.get(service) ?? 0) + 1);
    return [...this.#services]
      .map(([service, record]) => figuresOf(service, record, running.get(service) ?? 0, nowMs))
      .sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  clear(): void {
    this.#services.clear();
    this.#running.clear();
    this.#lost.clear();
  }

  /** What the system says about an instance. */
  #hear(activity: Activity, service: string, timeMs: number): void {
    const { instance, name } = activity;
    const state = INSTANCE_STATES[name];
    if (instance === undefined || state === undefined) return;
    const known = this.#find(instance);
    const record = known ?? this.#open(service);
    record.lastSeenMs = Math.max(record.lastSeenMs, timeMs);
    this.#sign(record, instance, timeMs).state = state;
    const [from, to] = state === 'alive' ? [this.#lost, this.#running] : [this.#running, this.#lost];
    for (const [key, open] of from) {
      if (open.instance !== instance) continue;
      from.delete(key);
      remember(to, key, open, this.#limits.rowsMax);
    }
  }

  #find(instance: string): ServiceRecord | undefined {
    for (const record of this.#services.values()) if (record.instances.has(instance)) return record;
    return undefined;
  }

  #open(service: string): ServiceRecord {
    let record = this.#services.get(service);
    if (record === undefined) {
      record = { meter: new RateMeter(), durations: [], durationsAt: 0, lastSeenMs: 0, instances: new Map() };
      remember(this.#services, service, record, this.#limits.servicesMax);
    }
    return record;
  }

  #sign(record: ServiceRecord, instance: string, timeMs: number): InstanceRecord {
    let sign = record.instances.get(instance);
    if (sign === undefined) {
      sign = { state: 'alive', lastSeenMs: timeMs };
      remember(record.instances, instance, sign, this.#limits.instancesPerServiceMax);
    }
    sign.lastSeenMs = Math.max(sign.lastSeenMs, timeMs);
    return sign;
  }
}

const INSTANCE_STATES: Readonly<Record<string, InstanceState>> = {
  'livespan.instance_started': 'alive',
  'livespan.instance_back': 'alive',
  'livespan.instance_lost': 'lost',
  'livespan.instance_stopped': 'stopped',
};

/** Sets and keeps the bound: the first one in goes. */
function remember<K, V>(map: Map<K, V>, key: K, value: V, countMax: number): void {
  map.set(key, value);
  if (map.size <= countMax) return;
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}

function figuresOf(service: string, record: ServiceRecord, running: number, nowMs: number): ServiceFigures {
  const { ended, failed, rate } = record.meter.minute(nowMs);
  const sorted = Float64Array.from(record.durations).sort();
  const quantile = (q: number): number | undefined =>
    sorted.length === 0 ? undefined : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return {
    service,
    rate,
    ended,
    failed,
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
    running,
    lastSeenMs: record.lastSeenMs,
    instances: [...record.instances].map(([instance, sign]) => ({ instance, ...sign })),
  };
}
