import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Monitor } from '../../../src/monitor/monitor.ts';
import { activity } from '../frames.ts';
import { type Log, namesOf, numbered, openMonitor, startLog, type Tap, tapSharing, until } from './live.ts';

/** What a slow reader may still be told after it has come back: long enough for a wrong word to arrive. */
const SETTLED_MS = 700;

async function follow(log: Log, filter: string): Promise<{ monitor: Monitor; tap: Tap }> {
  const { tap, sharing } = tapSharing(log.url);
  const monitor = openMonitor(log.url, { sharing });
  monitor.store.filter.apply(filter);
  monitor.start();
  await until(() => monitor.store.isLoaded.value && monitor.store.connection.value.state === 'live', 'it is live');
  return { monitor, tap };
}

describe('where two ways of reading meet', () => {
  it.each([10, 0])('nothing is lost by a moment that is ahead of the log (%i before it)', async (count) => {
    const log = await startLog();
    if (count > 0) await log.appendNumbered(0, count);
    const { monitor } = await follow(log, '');
    monitor.store.travelTo(Date.now() + 60_000, 'max');
    await until(() => monitor.store.travel.value === undefined, 'it has arrived');
    await until(() => monitor.store.connection.value.state === 'live' && monitor.store.isLoaded.value, 'it is live');
    await log.appendNumbered(count, 5);
    await until(() => namesOf(monitor).at(-1) === `e${count + 4}`, 'the newest');
    expect(namesOf(monitor)).toEqual(numbered(0, count + 5));
  });

  it('what a filter has held back is no loss to who comes back', async () => {
    const log = await startLog({ logCountMax: 100, ringCountMax: 128, heartbeatMs: 100 });
    await log.append(activity('event', 0, { name: 'hit' }));
    const { monitor, tap } = await follow(log, 'name:hit');
    for (let i = 0; i < 20; i += 1) {
      await log.appendNumbered(i * 50, 50);
      await sleep(20);
    }
    tap.lines = '';
    await until(() => /-1001"/.test(tap.lines), 'a heartbeat with the newest place');
    monitor.comeBack();
    await sleep(SETTLED_MS);
    expect(monitor.store.loss.value.missed).toBe(0);
  });

  it('a hole is counted once, also where the filter lets nothing after it by', async () => {
    const log = await startLog({ logCountMax: 100, ringCountMax: 128 });
    await log.append(activity('event', 0, { name: 'hit' }));
    const { monitor } = await follow(log, 'name:hit');
    monitor.leave();
    await log.appendNumbered(0, 1_000);
    monitor.comeBack();
    await until(() => monitor.store.loss.value.missed > 0, 'the hole');
    await sleep(SETTLED_MS);
    const { missed } = monitor.store.loss.value;
    expect(missed).toBeLessThanOrEqual(1_000);
    monitor.leave();
    monitor.comeBack();
    await sleep(SETTLED_MS);
    expect(monitor.store.loss.value.missed).toBe(missed);
  });

  it('a hole of a shared connection that lies behind counts what this tab has missed', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 10);
    const { monitor, tap } = await follow(log, '');
    await until(() => namesOf(monitor).length === 10, 'the rows');
    monitor.comeBack();
    await until(() => monitor.store.isLoaded.value, 'it has come back');
    // Of entries 6 to 12, this tab has had five from the pages.
    const lagged = { type: 'lagged', cursor: `${Date.now() + 1_000}-12`, missed: 7 };
    tap.toTab({ type: 'joined', id: tap.id, isFiltered: true });
    tap.toTab({ type: 'lines', id: tap.id, text: `${JSON.stringify(lagged)}\n` });
    await sleep(SETTLED_MS);
    expect(monitor.store.loss.value.missed).toBeLessThanOrEqual(2);
  });

  it('a log that was rolled back to before what is shown says so', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 10);
    const { monitor, tap } = await follow(log, '');
    await until(() => namesOf(monitor).length === 10, 'the rows');
    const [, , place] = [...monitor.store.rows.value];
    tap.toTab({
      type: 'lines',
      id: tap.id,
      text: `${JSON.stringify({ type: 'reset', cursor: place?.key })}\n`,
    });
    await until(() => monitor.store.loss.value.resets === 1, 'the break');
  });
});
