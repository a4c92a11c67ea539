import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { namesOf, numbered, openMonitor, startLog, until } from './live.ts';

describe('time travel', () => {
  it('replays from a moment as fast as it goes and is live again without a seam', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 1_300);
    const monitor = openMonitor(log.url);
    monitor.start();
    monitor.store.travelTo(Date.now() - 60_000, 'max');
    for (let i = 0; i < 10; i += 1) await log.appendNumbered(1_300 + i * 10, 10);
    await until(() => monitor.store.travel.value === undefined, 'arrival');
    await log.appendNumbered(1_400, 10);
    await until(() => namesOf(monitor).length >= 1_410, 'all rows');
    expect(namesOf(monitor)).toEqual(numbered(0, 1_410));
  });

  it('begins with what led to the moment, stands still when held, and goes on from there', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 5);
    await sleep(60);
    const momentMs = Date.now();
    await sleep(60);
    await log.appendNumbered(5, 5);
    const monitor = openMonitor(log.url);
    monitor.store.travelTo(momentMs, 1, { isHeld: true });
    monitor.start();
    await until(() => namesOf(monitor).length === 5, 'the lead-in');
    await sleep(200);
    expect(namesOf(monitor)).toEqual(numbered(0, 5));
    expect(monitor.store.travel.value).toMatchObject({ fromMs: momentMs, atMs: momentMs, isHeld: true });
    monitor.store.setSpeed(10);
    monitor.store.holdTravel(false);
    await until(() => namesOf(monitor).length === 10, 'the rows after the moment');
    await until(() => monitor.store.travel.value === undefined, 'arrival at now');
    await log.appendNumbered(10, 5);
    await until(() => namesOf(monitor).length === 15, 'live rows');
    expect(namesOf(monitor)).toEqual(numbered(0, 15));
  });

  it('is left at any point, and what was not replayed yet comes at once', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 700);
    const monitor = openMonitor(log.url);
    monitor.start();
    monitor.store.travelTo(Date.now() - 3_600_000, 1);
    await until(
      () => (monitor.store.travel.value?.atMs ?? 0) > 0 && monitor.store.connection.value !== undefined,
      'on the way',
    );
    monitor.store.backToLive();
    await until(() => namesOf(monitor).length === 700, 'all rows');
    await log.appendNumbered(700, 1);
    await until(() => namesOf(monitor).length === 701, 'a live row');
    expect(namesOf(monitor)).toEqual(numbered(0, 701));
  });
});
