import { afterEach, describe, expect, it } from 'vitest';
import { BEGINNING, type Position } from '../../src/activity/cursor.ts';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import type { Attached } from '../../src/feed/handover.ts';
import { createLiveFeed, type LiveFeed } from '../../src/feed/live-feed.ts';
import type { RingSlot } from '../../src/feed/ring.ts';
import { activities } from './support/activities.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function logOf(count: number, options: { countMax?: number } = {}) {
  const bus = createMemoryBus(options);
  for (let at = 0; at < count; at += 100) await bus.append({ activities: activities(at, 100) });
  let ranges = 0;
  const range = bus.range.bind(bus);
  bus.range = (query) => {
    ranges += 1;
    return range(query);
  };
  const feed = createLiveFeed({ bus, ringCountMax: 128, idleCheckMs: 200 });
  open.push(feed, bus);
  await feed.start();
  ranges = 0;
  return { bus, feed, ranges: () => ranges };
}

async function replayAll(feed: LiveFeed, from: Position): Promise<{ slots: RingSlot[]; attached: Attached }> {
  const slots: RingSlot[] = [];
  const pages = feed.replay(from, AbortSignal.timeout(20_000));
  while (true) {
    const page = await pages.next();
    if (page.done) return { slots, attached: page.value };
    slots.push(...page.value);
  }
}

describe('replay', () => {
  it('costs one call a page, however many readers come at once', async () => {
    const { feed, ranges } = await logOf(5_000);
    const all = await Promise.all(Array.from({ length: 100 }, () => replayAll(feed, BEGINNING)));
    for (const { slots, attached } of all) {
      expect(slots).toHaveLength(slots.findLastIndex((slot) => slot.type === 'activity') + 1);
      expect(attached.sequence).toBeGreaterThan(feed.ring.tail);
      expect(slots.length + feed.ring.head - attached.sequence).toBe(5_000);
    }
    expect(ranges()).toBeLessThanOrEqual(12);
  });

  it('costs the same for readers who come from different places, but for the first page', async () => {
    const { bus, feed, ranges } = await logOf(5_000);
    const { entries } = await bus.range({ limit: 100 });
    const before = ranges();
    const all = await Promise.all(entries.map(({ position }) => replayAll(feed, position)));
    for (const [at, { slots, attached }] of all.entries()) {
      expect(slots.length + feed.ring.head - attached.sequence).toBe(5_000 - 1 - at);
    }
    expect(ranges() - before).toBeLessThanOrEqual(100 + 12);
  });

  it('serves a cursor inside the ring without asking the log', async () => {
    const { feed, ranges } = await logOf(1_000);
    const { slots, attached } = await replayAll(feed, feed.ring.at(feed.ring.head - 50)?.position ?? BEGINNING);
    expect(slots).toEqual([]);
    expect(feed.ring.head - attached.sequence).toBe(49);
    expect(ranges()).toBe(0);
  });

  it('tells a trimmed cursor the exact gap, with the cursor just before what is retained', async () => {
    const { bus, feed } = await logOf(100, { countMax: 500 });
    const from = feed.position();
    for (let at = 100; at < 2_000; at += 100) await bus.append({ activities: activities(at, 100) });
    const { slots } = await replayAll(feed, from);
    const [gap, first] = slots;
    expect(gap).toMatchObject({ type: 'gap', missed: 1_400 });
    expect(first).toMatchObject({ type: 'activity', position: { n: 1_501 } });
    expect(gap?.position).toEqual({ ms: first?.position.ms, n: 1_500 });
  });

  it('never tells a point in time of a gap or a reset', async () => {
    const { feed } = await logOf(2_000, { countMax: 500 });
    for (const ms of [0, 1, (feed.ring.at(feed.ring.tail)?.position.ms ?? 0) - 1]) {
      const { slots } = await replayAll(feed, { ms, n: 0 });
      expect(slots.every((slot) => slot.type === 'activity')).toBe(true);
    }
  });

  it.each([
    ['of an older log', { ms: 5, n: 7 }],
    ['ahead of the log', { ms: Number.MAX_SAFE_INTEGER, n: 9 }],
    ['with a number that was never there', { ms: Date.now() + 1_000, n: 3 }],
  ])('tells a cursor %s that it is of another log', async (_, from) => {
    const { feed } = await logOf(300);
    const { slots } = await replayAll(feed, from);
    expect(slots[0]).toMatchObject({ type: 'reset' });
    expect(slots.filter((slot) => slot.type !== 'activity')).toHaveLength(1);
  });

  it('ends with the reason when it is aborted or the feed is closed', async () => {
    const { feed } = await logOf(300);
    const aborted = feed.replay(BEGINNING, AbortSignal.abort(new Error('enough')));
    await expect(aborted.next()).rejects.toThrow('enough');
    await feed.close();
    await feed.close();
    await expect(feed.replay(BEGINNING).next()).rejects.toMatchObject({ code: 'closed' });
    await expect(feed.start()).rejects.toMatchObject({ code: 'closed' });
  });
});
