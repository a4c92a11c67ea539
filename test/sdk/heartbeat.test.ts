import { afterEach, expect, test, vi } from 'vitest';
import { createPublisher } from '../../src/sdk/publisher.ts';
import { startIngestServer } from './support/ingest-server.ts';
import { until } from './support/reading.ts';

afterEach(() => vi.useRealTimers());

test('an idle instance gives a bare sign of life every 10 s, a busy one none, and none after its goodbye', async () => {
  // Only the clock of the heartbeat is turned by hand; everything else is real.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const server = await startIngestServer();
  const publisher = createPublisher({ url: server.url, instance: 'idle-1', service: 'shop' });
  const signs = () => server.bodies.map(({ sign, activities }) => `${sign} ${activities.length}`);
  publisher.publish({ name: 'a.b' });
  await publisher.flush();
  expect(signs()).toEqual(['started 2']);
  vi.advanceTimersByTime(9_000);
  publisher.publish({ name: 'a.b' });
  await publisher.flush();
  // 18 s after the start, 9 s after the newest batch.
  vi.advanceTimersByTime(9_000);
  expect(signs()).toEqual(['started 2', 'alive 1']);
  vi.advanceTimersByTime(1_000);
  await until(() => server.bodies.length === 3, 'a sign of life');
  vi.advanceTimersByTime(10_000);
  await until(() => server.bodies.length === 4, 'another one');
  expect(signs().slice(2)).toEqual(['alive 0', 'alive 0']);
  expect(server.bodies[3]).toMatchObject({ instance: 'idle-1', service: 'shop' });
  expect(server.bodies[3]).not.toHaveProperty('batch');
  await publisher.close();
  vi.advanceTimersByTime(60_000);
  expect(signs().slice(4)).toEqual(['stopped 1']);
  await server.close();
});
