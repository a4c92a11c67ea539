import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decodeActivity } from '../../src/activity/codec.ts';
import type { Bus } from '../../src/bus/bus.ts';
import {
  activities,
  activity,
  all,
  appended,
  expectContiguous,
  failed,
  type Harness,
  until,
  watch,
} from './harness.ts';

const SILENT_MS = 300;

/** What every log must do, whatever it is made of. */
export function runContract(harness: Harness): void {
  describe(`the log contract on ${harness.name}`, () => {
    const opened: Bus[] = [];
    const open = async (): Promise<Bus> => {
      const bus = await harness.open();
      opened.push(bus);
      await bus.ready();
      return bus;
    };
    beforeAll(() => harness.start());
    afterEach(async () => {
      for (const bus of opened.splice(0)) await bus.close();
    });
    afterAll(() => harness.stop());

    test('an empty log has an epoch, a head at it, and nothing else', async () => {
      const bus = await open();
      const info = await bus.info();
      expect(Math.abs(info.epoch - info.timeMs)).toBeLessThan(60_000);
      expect(info).toMatchObject({ last: { ms: info.epoch, n: 0 }, length: 0, instances: 0 });
      expect(info.first).toBeUndefined();
      expect(await bus.info()).toMatchObject({ epoch: info.epoch });
      expect(await bus.range({ limit: 10 })).toEqual({ entries: [], skipped: 0 });
      expect(bus.status()).toMatchObject({ connected: true, warnings: [] });
    });

    test('numbers are dense from 1 and time never goes back, also over many appends at once', async () => {
      const bus = await open();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => appended(bus, { activities: activities(i + 1) })),
      );
      for (let i = 0; i < 3; i++) await appended(bus, { activities: activities(128) });
      const entries = await all(bus);
      expect(entries).toHaveLength(594);
      expect(entries[0]?.position.n).toBe(1);
      expectContiguous(entries);
      for (const [i, { first, last }] of results.entries()) expect(last.n - first.n).toBe(i);
      const info = await bus.info();
      expect(info.last).toEqual(entries.at(-1)?.position);
      expect(info.first).toEqual(entries[0]?.position);
      expect(info.last.ms).toBeGreaterThanOrEqual(info.epoch);
    });

    test('what is read back is what was appended', async () => {
      const bus = await open();
      const given = activities(3);
      await appended(bus, { activities: given });
      expect((await all(bus)).map(({ json }) => json)).toEqual(given);
    });

    test('range keeps its bounds, order, limit and page ends', async () => {
      const bus = await open();
      await appended(bus, { activities: activities(10) });
      const at = (await all(bus)).map(({ position }) => position);
      const numbers = async (query: object): Promise<unknown[]> => {
        const { entries, next } = await bus.range({ limit: 100, ...query });
        return [entries.map(({ position }) => position.n), next?.n];
      };
      expect(await numbers({ after: at[2], to: at[4] })).toEqual([[4, 5], undefined]);
      expect(await numbers({ from: at[2], before: at[4] })).toEqual([[3, 4], undefined]);
      expect(await numbers({ from: at[2], after: at[2], limit: 2 })).toEqual([[4, 5], 5]);
      expect(await numbers({ to: at[5], before: at[5], order: 'desc', limit: 2 })).toEqual([[5, 4], 4]);
      expect(await numbers({ order: 'desc', limit: 10 })).toEqual([[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], undefined]);
      expect(await numbers({ order: 'desc', after: at[7] })).toEqual([[10, 9], undefined]);
      expect(await numbers({ limit: 10 })).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], undefined]);
      expect(await numbers({ limit: 9 })).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], 9]);
      expect(await numbers({ from: { ms: at[0]?.ms, n: 0 } })).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], undefined]);
      expect(await numbers({ from: at[9], to: at[0] })).toEqual([[], undefined]);
      await expect(bus.range({ limit: 0 })).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(bus.range({ limit: 1_001 })).rejects.toMatchObject({ code: 'invalid_request' });
    });

    test('info says whether an entry is still there', async () => {
      const bus = await open();
      const { last } = await appended(bus, { activities: activities(2) });
      expect((await bus.info(last)).probe).toBe('present');
      expect((await bus.info({ ms: last.ms + 1, n: last.n })).probe).toBe('absent');
      expect((await bus.info({ ms: last.ms, n: last.n + 1 })).probe).toBe('absent');
      expect((await bus.info()).probe).toBeUndefined();
    });

    test('a numbered batch is applied once, and a resend gets the first answer again', async () => {
      const bus = await open();
      const request = { activities: activities(3), producer: { id: 'p', batch: 1, acked: 0 } };
      const { first, last } = await appended(bus, request);
      await appended(bus, { activities: activities(1), producer: { id: 'p', batch: 2, acked: 0 } });
      expect(await bus.append(request)).toEqual({ outcome: 'duplicate', first, last });
      expect(await all(bus)).toHaveLength(4);
      expect(await bus.append({ ...request, producer: { id: 'other', batch: 1, acked: 0 } })).toMatchObject({
        outcome: 'appended',
      });
    });

    test('a batch that comes too early is refused with the last number, and nothing is written', async () => {
      const bus = await open();
      await appended(bus, { activities: activities(1), producer: { id: 'p', batch: 1, acked: 0 } });
      const early = await bus.append({ activities: activities(1), producer: { id: 'p', batch: 3, acked: 1 } });
      expect(early).toEqual({ outcome: 'out_of_order', last: 1 });
      expect(await all(bus)).toHaveLength(1);
      await appended(bus, { activities: activities(1), producer: { id: 'p', batch: 2, acked: 1 } });
    });

    test('a producer the log has forgotten goes on from what it knows to be applied', async () => {
      const bus = await open();
      await appended(bus, { activities: activities(1), producer: { id: 'p', batch: 42, acked: 41 } });
      const old = await bus.append({ activities: activities(1), producer: { id: 'p', batch: 40, acked: 39 } });
      expect(old).toEqual({ outcome: 'duplicate' });
      expect(await all(bus)).toHaveLength(1);
    });

    test('an empty numbered batch counts', async () => {
      const bus = await open();
      const empty = { activities: [], producer: { id: 'p', batch: 1, acked: 0 } };
      expect(await bus.append(empty)).toEqual({ outcome: 'appended', unpublished: 0 });
      expect(await bus.append(empty)).toEqual({ outcome: 'duplicate' });
    });

    test('four batches in flight, each sent twice, arrive once and in order', async () => {
      const bus = await open();
      const sent: string[] = [];
      for (let batch = 1; batch <= 40; batch += 4) {
        const requests = [0, 1, 2, 3].map((i) => {
          const json = activity();
          sent.push(json);
          return { activities: [json], producer: { id: 'p', batch: batch + i, acked: batch - 1 } };
        });
        await Promise.all([...requests, ...requests].map((request) => bus.append(request)));
      }
      expect((await all(bus)).map(({ json }) => json)).toEqual(sent);
    });

    test('a digest that was seen adds nothing', async () => {
      const bus = await open();
      const chunk = { activities: activities(2), digest: '00112233445566778899aabbccddeeff' };
      await appended(bus, chunk);
      expect(await bus.append(chunk)).toEqual({ outcome: 'duplicate' });
      await appended(bus, { ...chunk, digest: 'ff112233445566778899aabbccddeeff' });
      expect(await all(bus)).toHaveLength(4);
    });

    test('a request that cannot be right is refused before anything is written', async () => {
      const bus = await open();
      const producer = { id: 'p', batch: 1, acked: 0 };
      for (const request of [
        { activities: activities(129) },
        { activities: ['[1]'] },
        { activities: ['{}'] },
        { activities: activities(1), producer: { ...producer, id: 'with space' } },
        { activities: activities(1), producer: { ...producer, batch: 0 } },
        { activities: activities(1), producer: { ...producer, acked: 1 } },
        { activities: activities(1), digest: 'no hex' },
        { activities: [], instance: { name: '', sign: 'alive' as const } },
      ]) {
        expect(await failed(bus, request)).toMatchObject({ code: 'invalid_request', applied: 'no' });
      }
      expect(await failed(bus, { activities: activities(1), signal: AbortSignal.abort() })).toMatchObject({
        applied: 'no',
      });
      expect((await bus.info()).length).toBe(0);
      await appended(bus, { activities: activities(128) });
    });

    test('a subscriber sees every later entry in order, outside the appender’s own stack', async () => {
      const bus = await open();
      await appended(bus, { activities: activities(2) });
      const seen: number[] = [];
      let inStack = true;
      const subscription = await bus.subscribe({
        onEntry({ position }) {
          expect(inStack).toBe(false);
          seen.push(position.n);
        },
        onConnected: () => undefined,
      });
      for (let i = 0; i < 50; i++) {
        inStack = true;
        const result = bus.append({ activities: activities(3) });
        inStack = false;
        await result;
      }
      await until(() => seen.length === 150);
      expect(seen).toEqual(Array.from({ length: 150 }, (_, i) => i + 3));
      await subscription.close();
      await appended(bus, { activities: activities(1) });
      await bus.info();
      expect(seen).toHaveLength(150);
    });

    test('what a subscriber gets is what range gives, and a failing one harms nobody', async () => {
      const bus = await open();
      await bus.subscribe({
        onEntry() {
          throw new Error('a reader with a fault');
        },
        onConnected: () => undefined,
      });
      const watcher = await watch(bus);
      await appended(bus, { activities: activities(5) });
      await until(() => watcher.entries.length === 5);
      expect(watcher.entries).toEqual(await all(bus));
    });

    test('instances register with started or any sign of life and leave with stopped', async () => {
      const bus = await open();
      await appended(bus, { activities: activities(1), instance: { name: 'a', service: 'api', sign: 'started' } });
      await bus.append({ activities: [], instance: { name: 'a', sign: 'alive' } });
      expect(await bus.info()).toMatchObject({ instances: 1, length: 1 });
      await appended(bus, { activities: activities(1), instance: { name: 'a', sign: 'stopped' } });
      expect(await bus.info()).toMatchObject({ instances: 0, length: 2 });
      await bus.append({ activities: [], instance: { name: 'never', sign: 'stopped' } });
      expect(await bus.info()).toMatchObject({ instances: 0, length: 2 });
    });

    test('an instance that shows life again without having started is told, before what it brings', async () => {
      const bus = await open();
      const json = activity();
      const { first } = await appended(bus, {
        activities: [json],
        instance: { name: 'gw"1', service: 'a/b "c"', sign: 'alive' },
      });
      const entries = await all(bus);
      expect(entries.map((entry) => entry.position.n)).toEqual([1, 2]);
      expect(first.n).toBe(2);
      expect(entries[1]?.json).toBe(json);
      const decoded = decodeActivity(entries[0]?.json ?? '');
      expect(decoded).toMatchObject({
        ok: true,
        activity: { kind: 'notice', name: 'livespan.instance_back', severity: 'warn', service: 'a/b "c"' },
      });
      if (!decoded.ok) return;
      expect(decoded.activity.attributes).toEqual({ 'livespan.instance': 'gw"1' });
      expect(Math.abs(Date.parse(decoded.activity.time) - (entries[0]?.position.ms ?? 0))).toBeLessThan(5_000);
      expect(decoded.activity.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      const idMs = Number.parseInt(decoded.activity.id.replaceAll('-', '').slice(0, 12), 16);
      expect(Math.abs(idMs - Date.parse(decoded.activity.time))).toBeLessThan(5_000);
      // A bare sign of life of a known one is told no more.
      expect(await bus.append({ activities: [], instance: { name: 'gw"1', sign: 'alive' } })).toEqual({
        outcome: 'appended',
        unpublished: 0,
      });
      expect(await bus.info()).toMatchObject({ length: 2 });
    });

    test('a silent instance is lost once, after unbroken watching, whoever watches', async () => {
      const bus = await open();
      await bus.append({ activities: [], instance: { name: 'dead', service: 'api', sign: 'started' } });
      await bus.append({ activities: [], instance: { name: 'fine', sign: 'started' } });
      // The first turn only begins the watch, however long somebody has been silent.
      const lost: string[] = [];
      const begin = Date.now();
      while (lost.length === 0) {
        expect(Date.now() - begin).toBeLessThan(20_000);
        await bus.append({ activities: [], instance: { name: 'fine', sign: 'alive' } });
        const both = await Promise.all([bus.sweepInstances(SILENT_MS), bus.sweepInstances(SILENT_MS)]);
        lost.push(...both.flatMap((turn) => turn.lost));
      }
      expect(lost).toEqual(['dead']);
      expect(Date.now() - begin).toBeGreaterThanOrEqual(SILENT_MS - 1);
      const notices = (await all(bus)).map(({ json }) => decodeActivity(json));
      expect(notices).toHaveLength(1);
      expect(notices[0]).toMatchObject({
        ok: true,
        activity: {
          kind: 'notice',
          name: 'livespan.instance_lost',
          service: 'api',
          attributes: { 'livespan.instance': 'dead' },
        },
      });
      const silentMs = notices[0]?.ok ? notices[0].activity.attributes['livespan.silent_ms'] : undefined;
      expect(silentMs).toBeGreaterThanOrEqual(SILENT_MS);
      expect(silentMs).toBeLessThanOrEqual(Date.now() - begin + 1_000);
      expect(await bus.info()).toMatchObject({ instances: 1 });
      await bus.append({ activities: [], instance: { name: 'dead', sign: 'alive' } });
      expect((await all(bus)).map(({ json }) => JSON.parse(json).name)).toEqual([
        'livespan.instance_lost',
        'livespan.instance_back',
      ]);
    });

    test('a watch that was interrupted judges nobody until it has been unbroken again', async () => {
      const bus = await open();
      await bus.append({ activities: [], instance: { name: 'quiet', sign: 'started' } });
      const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
      for (let turn = 0; turn < 4; turn++) {
        expect(await bus.sweepInstances(SILENT_MS)).toEqual({ lost: [] });
        await pause(SILENT_MS);
      }
      expect(await bus.info()).toMatchObject({ instances: 1 });
    });

    test('a closed log says so and may be closed again', async () => {
      const bus = await open();
      const watcher = await watch(bus);
      await bus.close();
      await bus.close();
      expect(await failed(bus, { activities: activities(1) })).toMatchObject({ code: 'closed', applied: 'no' });
      for (const call of [bus.info(), bus.range({ limit: 1 }), bus.ready(), bus.sweepInstances(1_000), watch(bus)]) {
        await expect(call).rejects.toMatchObject({ code: 'closed' });
      }
      expect(bus.status()).toMatchObject({ connected: false, problem: { code: 'closed' } });
      expect(watcher.connected).toEqual([]);
    });
  });
}
