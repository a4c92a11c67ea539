import { describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { printable } from '../../src/cli/output.ts';
import { activityLine, controlLine } from '../../src/cli/tail-line.ts';

const plain = { paint: (_: unknown, text: string) => text };
const activity: Activity = {
  id: '01997b5e-3a6c-7c1e-b2a4-5d1f0a9e77c2',
  kind: 'event',
  name: 'gateway.request_received',
  time: '2026-11-21T00:22:37.123456Z',
  severity: 'info',
  summary: 'Request received',
  service: 'gateway',
  callId: 'call-123',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  attributes: { model: 'gpt-4o', note: 'two words', stream: true, list: [1, 2], empty: '' },
};

describe('one line an activity', () => {
  it('has what tells it from the others', () => {
    expect(activityLine(activity, plain)).toBe(
      '00:22:37.123  INFO   gateway  gateway.request_received  Request received  ' +
        'call=call-123 trace=4bf92f35 model=gpt-4o note="two words" stream=true list=[1,2] empty=""',
    );
  });

  it('shows how spans begin and end', () => {
    const span = { ...activity, name: 'POST', attributes: {} };
    expect(activityLine({ ...span, kind: 'span.start' }, plain)).toContain('POST ▶');
    expect(activityLine({ ...span, kind: 'span.end', durationMs: 1234.5 }, plain)).toContain('POST ■ 1235 ms');
    const failed: Activity = { ...span, kind: 'span.end', status: 'error', statusMessage: 'reset', durationMs: 2.5 };
    expect(activityLine(failed, plain)).toContain('POST ■ failed: reset 2.50 ms');
  });

  it('lets nothing through that would move the cursor or forge a line', () => {
    const hostile = {
      ...activity,
      name: 'a\u001b[2Jb',
      summary: 'x\ny\r\u202ez',
      attributes: { 'k\u0007': '\u009b31m' },
    };
    const line = activityLine(hostile, plain);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(line).toContain('a\\u001b[2Jb');
    expect(line).toContain('x\\ny\\r\\u202ez');
    expect(printable('tab\there')).toBe('tab\\there');
  });

  it('cuts long values', () => {
    expect(activityLine({ ...activity, attributes: { long: 'x'.repeat(5_000) } }, plain).length).toBeLessThan(300);
  });

  it('says what was lost', () => {
    expect(controlLine({ type: 'gap', cursor: '1-1', missed: 7 }, plain)).toMatch(/gap: 7 entries/);
    expect(controlLine({ type: 'lagged', cursor: '1-1', missed: 3 }, plain)).toMatch(/lagged: 3 entries/);
    expect(controlLine({ type: 'reset', cursor: '1-1' }, plain)).toMatch(/reset/);
  });
});
