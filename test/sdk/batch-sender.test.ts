import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AppendRequest, AppendResult } from '../../src/bus/bus.ts';
import { createMemoryBus, type MemoryBus } from '../../src/bus/memory-bus.ts';
import { LivespanError } from '../../src/errors.ts';
import { type BatchContent, countOf } from '../../src/sdk/batch.ts';
import { BatchSender } from '../../src/sdk/batch-sender.ts';
import type { Target } from '../../src/sdk/target.ts';
import { cases } from '../support/cases.ts';

/** What the network and the log do to one call. */
type Fate = 'fine' | 'request lost' | 'answer lost' | 'twice' | 'late' | 'full' | 'closed';
const FATES: Fate[] = ['fine', 'fine', 'fine', 'request lost', 'answer lost', 'twice', 'late', 'full', 'closed'];

const unavailable = (): LivespanError => new LivespanError('log_unavailable', 'made up');

/** The real memory log behind a bad network: calls are lost, doubled, late (so overtaken) and refused. */
function faultyTarget(bus: MemoryBus, fates: readonly Fate[], inFlightMax: number) {
  let calls = 0;
  let atOnce = 0;
  let atOnceMost = 0;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function append(request: AppendRequest): Promise<AppendResult> {
    const fate = fates[calls++] ?? 'fine';
    const { signal: _, ...sent } = request;
    if (fate === 'late') for (let index = 0; index < 4; index += 1) await turn();
    if (fate === 'request lost') return { outcome: 'failed', error: unavailable(), applied: 'unknown' };
    if (fate === 'full') {
      return { outcome: 'failed', error: new LivespanError('log_full', 'made up'), applied: 'no' };
    }
    if (fate === 'closed') throw new Error('connection reset');
    const result = await bus.append(sent);
    if (fate === 'twice') await bus.append(sent);
    await turn();
    return fate === 'answer lost' ? { outcome: 'failed', error: unavailable(), applied: 'unknown' } : result;
  }
  const target: Target = {
    description: 'faulty',
    inFlightMax,
    async append(request) {
      atOnce += 1;
      atOnceMost = Math.max(atOnceMost, atOnce);
      return append(request).finally(() => {
        atOnce -= 1;
      });
    },
    close: () => bus.close(),
  };
  return { target, calls: () => calls, atOnceMost: () => atOnceMost };
}

function contents(sizes: readonly number[]): BatchContent[] {
  let sequence = 0;
  return sizes.map((size) => {
    const firstSequence = sequence;
    const activities = Array.from({ length: size }, () => `{"n":${sequence++}}`);
    return { activities, notices: [], firstSequence, bytes: size * 9, sign: 'alive' };
  });
}

async function logged(bus: MemoryBus): Promise<number[]> {
  const { entries } = await bus.range({ limit: 1_000 });
  return entries.map(({ json }) => (JSON.parse(json) as { n: number }).n);
}

/** Runs the sender over `batches` until everything is settled. */
async function run(target: Target, batches: BatchContent[], random = Math.random) {
  const queue = [...batches];
  const total = batches.reduce((sum, content) => sum + countOf(content), 0);
  const settled = { published: 0, refused: 0 };
  await new Promise<void>((resolve) => {
    const done = () => {
      if (settled.published + settled.refused === total) resolve();
    };
    const sender = new BatchSender({
      producerId: 'p',
      open: async () => target,
      take: () => queue.shift(),
      onPublished: (content, rejected) => {
        settled.published += countOf(content) - rejected.length;
        settled.refused += rejected.length;
        done();
      },
      onRefused: (content) => {
        settled.refused += countOf(content);
        done();
      },
      backoffMinMs: 1,
      backoffMaxMs: 2,
      random,
    });
    sender.pump();
  });
  return settled;
}

describe('batches', () => {
  test('each activity once and in order, whatever is lost, doubled, late or refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.constantFrom(...FATES), { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (sizes, fates, inFlightMax) => {
          const bus = createMemoryBus();
          const faulty = faultyTarget(bus, fates, inFlightMax);
          const batches = contents(sizes);
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const settled = await run(faulty.target, batches);
          expect(settled).toEqual({ published: total, refused: 0 });
          expect(await logged(bus)).toEqual(Array.from({ length: total }, (_, index) => index));
          expect(faulty.atOnceMost()).toBeLessThanOrEqual(inFlightMax);
          await bus.close();
        },
      ),
      cases(300),
    );
  });

  test('up to four are in flight while all goes well', async () => {
    const bus = createMemoryBus();
    const faulty = faultyTarget(bus, [], 4);
    await run(faulty.target, contents(new Array<number>(12).fill(3)));
    expect(faulty.atOnceMost()).toBe(4);
    expect(faulty.calls()).toBe(12);
    await bus.close();
  });

  test('an activity that the log refuses for good is dropped alone, and the rest keep their order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }),
        async (sizes, poison) => {
          const bus = createMemoryBus();
          const bad = new Set(poison.map((n) => `{"n":${n}}`));
          const target: Target = {
            description: 'strict',
            inFlightMax: 4,
            async append({ signal: _, ...request }) {
              if (!request.activities.some((json) => bad.has(json))) return bus.append(request);
              const error = new LivespanError('invalid_activity', 'made up');
              return { outcome: 'failed', error, applied: 'no' };
            },
            close: () => bus.close(),
          };
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const refused = poison.filter((n) => n < total).length;
          expect(await run(target, contents(sizes))).toEqual({ published: total - refused, refused });
          const expected = Array.from({ length: total }, (_, index) => index).filter((n) => !poison.includes(n));
          expect(await logged(bus)).toEqual(expected);
          await bus.close();
        },
      ),
      cases(100),
    );
  });

  test('a log that forgot the producer takes what comes next', async () => {
    const first = createMemoryBus();
    const second = createMemoryBus();
    let calls = 0;
    const target: Target = {
      description: 'recreated',
      inFlightMax: 1,
      append: ({ signal: _, ...request }) => (++calls <= 2 ? first : second).append(request),
      close: async () => undefined,
    };
    expect(await run(target, contents([1, 1, 1, 1]))).toEqual({ published: 4, refused: 0 });
    expect(await logged(first)).toEqual([0, 1]);
    expect(await logged(second)).toEqual([2, 3]);
  });
});
