import type { Activity } from '../activity/activity.ts';
import { encodeActivity } from '../activity/codec.ts';
import { formatCursor } from '../activity/cursor.ts';
import type { Bus } from '../bus/bus.ts';
import { openBus } from '../bus/open-bus.ts';
import { LivespanError } from '../errors.ts';
import { doctorActivity } from './doctor-activity.ts';
import { clockFinding, type Finding, finding, probe } from './doctor-report.ts';

const TIMEOUT_MS = 5_000;

/** Log, append, subscribe and clock, where the log is asked directly. */
export async function examineLog(url: string, feed: string): Promise<Finding[]> {
  let bus: Bus;
  try {
    bus = await openBus({ url, feed, keepAlive: true });
  } catch (thrown) {
    return [await probe('log', () => Promise.reject(thrown)), ...unexamined()];
  }
  try {
    const log = await probe('log', () => reach(bus, feed));
    if (log.outcome === 'failed') return [log, ...unexamined()];
    const [append, subscribe] = await roundTrip(bus);
    return [log, append, subscribe, await probe('clock', () => compareClocks(bus))];
  } finally {
    await bus.close();
  }
}

function unexamined(): Finding[] {
  return ['append', 'subscribe', 'clock'].map((hop) => finding(hop, 'skipped', 'the log is not reached'));
}

async function reach(bus: Bus, feed: string): Promise<Finding> {
  const startMs = performance.now();
  await inTime(bus.ready(AbortSignal.timeout(TIMEOUT_MS)), 'the log did not answer');
  const { length, last } = await bus.info();
  const ms = performance.now() - startMs;
  const text = `${bus.description}, feed ${feed}: ${length} entries, the newest ${formatCursor(last)}`;
  const { warnings } = bus.status();
  return warnings.length === 0
    ? finding('log', 'ok', text, ms)
    : finding('log', 'warning', `${text}; ${warnings.join('; ')}`, ms);
}

/** Appends one activity and waits until the subscription brings it. */
async function roundTrip(bus: Bus): Promise<[Finding, Finding]> {
  const activity = doctorActivity();
  const arrival = await arrivalOf(bus, activity).catch((error: unknown) => ({ error }));
  const startMs = performance.now();
  const append = await probe('append', async () => {
    const result = await bus.append({ activities: [encodeActivity(activity)] });
    if (result.outcome === 'failed') throw result.error;
    if (result.outcome === 'out_of_order' || result.last === undefined)
      throw new LivespanError('internal', result.outcome);
    const at = formatCursor(result.last);
    const text = `one activity went into the log at ${at}`;
    const isSilent = result.outcome === 'appended' && result.unpublished > 0;
    if (isSilent) return finding('append', 'failed', `${text}, but it could not be published live`);
    return finding('append', 'ok', text, performance.now() - startMs);
  });
  if (append.outcome !== 'ok') return [append, finding('subscribe', 'skipped', 'nothing was appended')];
  const subscribe = await probe('subscribe', async () => {
    if ('error' in arrival) throw arrival.error;
    await inTime(arrival.seen, 'the subscription is up, but the activity did not arrive');
    return finding('subscribe', 'ok', 'and came back live', performance.now() - startMs);
  });
  if (!('error' in arrival)) await arrival.stop();
  return [append, subscribe];
}

async function arrivalOf(bus: Bus, activity: Activity): Promise<{ seen: Promise<void>; stop(): Promise<void> }> {
  let arrived: () => void;
  const seen = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const subscription = await bus.subscribe({
    onEntry: ({ json }) => {
      if (json.includes(activity.id)) arrived();
    },
    onConnected: () => undefined,
  });
  return { seen, stop: () => subscription.close() };
}

async function compareClocks(bus: Bus): Promise<Finding> {
  const sentMs = Date.now();
  const { timeMs } = await bus.info();
  return clockFinding('the log', timeMs, sentMs, Date.now());
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LivespanError('timeout', `${what} within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
