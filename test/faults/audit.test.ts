import { describe, expect, it } from 'vitest';
import type { FeedMessage } from '../../src/feed/open-feed.ts';
import { numbered } from '../sse/stream-server.ts';
import { createAudit } from './support/audit.ts';

// What the fault rows rely on: an audit that misses a broken promise would let every row pass.

const event = (index: number): FeedMessage => ({
  type: 'activity',
  cursor: `1-${index + 1}`,
  activity: { ...numbered(index), name: 'fault.load', attributes: { index } },
});
const dropped = (reason: string, count: number): FeedMessage => ({
  type: 'activity',
  cursor: '1-1',
  activity: {
    ...numbered(0),
    kind: 'notice',
    name: 'livespan.dropped',
    attributes: { 'livespan.dropped.total': count, [`livespan.dropped.${reason}`]: count },
  },
});
const gap = (missed: number): FeedMessage => ({ type: 'gap', cursor: '1-1', missed });
const reset: FeedMessage = { type: 'reset', cursor: '2-0' };

function audited(...messages: FeedMessage[]) {
  const audit = createAudit();
  for (const message of messages) audit.take(message);
  return audit;
}

describe('the audit of a reader', () => {
  it.each([
    ['nothing missing', [event(0), event(1), event(2)]],
    ['a hole that a notice told', [event(0), dropped('queue_full', 3), event(4)]],
    ['a hole that a gap told', [event(0), gap(3), event(4)]],
    ['a hole of both', [event(0), gap(1), dropped('queue_full', 2), event(4)]],
    ['a reset without a hole', [event(0), reset, event(1)]],
    ['a repetition in a new log', [event(0), event(1), reset, event(1), event(2)]],
    ['a drop of what had no number', [event(0), dropped('invalid', 2), event(1)]],
  ])('takes %s', (_, messages) => {
    expect(audited(...messages).problems).toEqual([]);
  });

  it.each([
    ['a silent hole', [event(0), event(2)]],
    ['a hole at the start', [event(1)]],
    ['a repetition', [event(0), event(0)]],
    ['a step back', [event(0), event(1), event(0)]],
    ['too many told', [event(0), dropped('queue_full', 4), event(4)]],
    ['too few told', [event(0), dropped('queue_full', 2), event(4)]],
    ['a gap that is too small', [event(0), gap(2), event(4)]],
    ['a gap without a hole', [event(0), gap(2), event(1)]],
    ['a notice at the wrong place', [dropped('queue_full', 3), event(0), event(4)]],
    ['more told at a reset than are missing', [event(0), dropped('queue_full', 3), reset, event(2)]],
  ])('finds %s', (_, messages) => {
    expect(audited(...messages).problems).not.toEqual([]);
  });

  it('counts what is lost with the data of a log', () => {
    expect(audited(event(0), reset, dropped('queue_full', 2), event(10))).toMatchObject({
      delivered: 2,
      resets: 1,
      toldDropped: 2,
      lost: 7,
      problems: [],
    });
  });
});
