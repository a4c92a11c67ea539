import { expect, test } from 'vitest';
import type { Bus, BusInfo } from '../../src/bus/bus.ts';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import { LivespanError } from '../../src/errors.ts';
import { History } from '../../src/feed/history.ts';
import { createPageCache } from '../../src/feed/page-cache.ts';
import { createRing } from '../../src/feed/ring.ts';

test('who comes after the only waiter has left is not told of the call that was given up', async () => {
  const bus = createMemoryBus();
  const { epoch, last } = await bus.info();
  let fail: (error: Error) => void = () => undefined;
  const stalled = new Promise<BusInfo>((_, reject) => {
    fail = reject;
  });
  let calls = 0;
  const stalling: Bus = {
    ...bus,
    info: (probe) => {
      calls += 1;
      return calls === 1 ? stalled : bus.info(probe);
    },
  };
  const history = new History(createRing({ countMax: 100, bytesMax: 1_000_000 }));
  history.begin(epoch, last);
  const cache = createPageCache(stalling, history, () => undefined);
  const place = { ms: epoch, n: 0 };
  const gone = new AbortController();
  const first = cache.info(place, gone.signal);
  gone.abort(new Error('the reader went'));
  await expect(first).rejects.toThrow('the reader went');
  const second = cache.info(place, new AbortController().signal);
  fail(new LivespanError('timeout', 'stalled'));
  await expect(second).resolves.toMatchObject({ epoch });
  await bus.close();
});
