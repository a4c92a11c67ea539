import { describe, expect, it } from 'vitest';
import { logWords } from '../../../src/monitor/state/log-words.ts';
import { lossWords } from '../../../src/monitor/state/span-row.ts';
import type { Store } from '../../../src/monitor/state/store.ts';
import { groupTicks } from '../../../src/monitor/state/tick-groups.ts';
import { wordsOf } from '../../../src/monitor/views/status-words.ts';
import { activity, storeAtTime } from '../frames.ts';

describe('the words about the log', () => {
  it.each([
    [{ length: 12_345, countMax: 100_000, description: 'memory' }, 'log 12,345 of 100,000 · memory'],
    // Full of bytes long before it is full of entries.
    [
      { length: 5_000, countMax: 100_000, bytes: 200_100_000, bytesMax: 268_400_000 },
      'log 5,000, 200.1 MB of 268.4 MB',
    ],
    [{ length: 5_000, countMax: 100_000, bytes: 100, bytesMax: 268_400_000 }, 'log 5,000 of 100,000'],
    [{ length: 100_087, countMax: 100_000 }, 'log 100,087, at least 100,000 are kept'],
    [{ length: 10, countMax: 100_000, ageMaxMs: 3_600_000 }, 'log 10 of 100,000, kept for 1 h 00 m'],
    // A server of another version.
    [{ length: 1_000, description: 'memory' }, 'log 1,000 · memory'],
    [{ connected: false, countMax: 100, description: 'redis at 127.0.0.1' }, 'log not reached · redis at 127.0.0.1'],
  ])('%j are %j', (log, words) => {
    expect(logWords(log)).toBe(words);
  });
});

describe('the words about where the page stands', () => {
  it.each<[string, (store: Store) => void, string]>([
    ['live', () => undefined, '1,500 behind'],
    ['paused', (store) => store.pauseRows('user'), 'Paused. 0 new. 1,500 behind'],
    ['paused by a scroll', (store) => store.pauseRows('scroll'), 'Paused. 0 new. 1,500 behind'],
    ['in a replay', (store) => store.travelTo(0, 1), 'Replaying the log. 1,500 behind'],
    [
      'in a replay that is paused',
      (store) => {
        store.travelTo(0, 1);
        store.pauseRows('user');
      },
      'Paused. 0 new. 1,500 behind',
    ],
  ])('say how far behind it is, %s', (_, begin, words) => {
    const { store } = storeAtTime();
    store.connection.value = { state: 'live' };
    begin(store);
    store.setBehind(1_500);
    expect(wordsOf(store)).toBe(words);
  });
});

describe('the words about a lost span', () => {
  it('say for how long its instance has been silent, as far as that is known', () => {
    const silent = { why: 'silent', sinceMs: 1_000 } as const;
    expect([35_999, 126_000, 0].map((nowMs) => lossWords(silent, nowMs))).toEqual([
      'silent for 34 s',
      'silent for 2 m 05 s',
      'silent for 0 s',
    ]);
    expect(lossWords({ why: 'silent', sinceMs: undefined }, 5_000)).toBe('fell silent');
    expect(lossWords({ why: 'stopped', sinceMs: undefined }, 5_000)).toBe('instance stopped');
  });
});

describe('ticks of a bar', () => {
  const at = (...moments: readonly number[]) =>
    moments.map((ms) => ({ cursor: `${ms}-1`, activity: activity('event', ms) }));
  const near = (nearMs: number, ...moments: readonly number[]) =>
    groupTicks(at(...moments), nearMs * 1_000).map((group) => group.map(({ cursor }) => Number.parseInt(cursor, 10)));

  it('are one for what would be drawn at one place, in the order of time', () => {
    expect(near(0, 5, 5, 1, 5)).toEqual([[1], [5, 5, 5]]);
    expect(near(10, 40, 0, 9, 10, 19, 20)).toEqual([[0, 9], [10, 19], [20], [40]]);
    expect(near(10)).toEqual([]);
  });
});
