import { EventSource } from 'eventsource';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeActivity } from '../../src/activity/codec.ts';
import { cases } from '../support/cases.ts';
import { numbered, openRaw, type StreamServer, startStreamServer, until } from './stream-server.ts';

const NASTY = [
  'a\nb',
  'a\r\nb\r',
  '\n\ndata: forged\nid: 1-1\nevent: reset\n\n',
  'line\u2028separator\u2029paragraph\u0085next',
  'nul \0 bell \x07 escape \x1b[31m',
  '\ufeffbom',
  'lone \ud800 surrogate',
  '😀 "quotes" \\ back',
  ':comment',
  ' leading and trailing ',
];

let server: StreamServer;
beforeAll(async () => {
  server = await startStreamServer();
});
afterAll(() => server.close());

/** What the stock client hands over, frame by frame. */
async function receive(query: string, count: number, types: string[]): Promise<MessageEvent[]> {
  const source = new EventSource(server.url + query);
  const events: MessageEvent[] = [];
  for (const type of types) source.addEventListener(type, (event) => events.push(event));
  try {
    await until(() => events.length >= count, `${count} events`);
  } finally {
    source.close();
  }
  return events;
}

describe('frames, read by the eventsource client', () => {
  it('carry any text, as the events of their kinds and as messages', async () => {
    const { last } = await server.bus.info();
    const since = `?since=${last.ms}-${last.n}`;
    const activities = NASTY.map((text, i) => numbered(i, { summary: text, attributes: { i, text }, name: text }));
    await server.append(activities);
    for (const [query, type] of [
      [since, 'event'],
      [`${since}&format=message`, 'message'],
    ] as const) {
      const events = await receive(query, NASTY.length, [type]);
      expect(events).toHaveLength(NASTY.length);
      for (const [i, event] of events.entries()) {
        const { cursor, ...activity } = JSON.parse(event.data);
        expect(event.lastEventId).toBe(cursor);
        expect(activity).toEqual(JSON.parse(encodeActivity(activities[i] ?? numbered(-1))));
      }
    }
  });

  it('stay whole where the log holds JSON over several lines', async () => {
    const { last } = await server.bus.info();
    const spread = JSON.stringify(numbered(1), null, 2);
    await server.append([spread, spread.replaceAll('\n', '\r\n'), spread.replaceAll('\n', '\r')]);
    const since = `?since=${last.ms}-${last.n}`;
    const events = await receive(since, 3, ['event']);
    expect(events.map((event) => JSON.parse(event.data).attributes)).toEqual([{ i: 1 }, { i: 1 }, { i: 1 }]);
    const lines = await openRaw(`${server.url}${since}&format=ndjson`);
    await until(() => lines.text().split('\n').length === 5, 'a line each');
    expect(
      lines
        .text()
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line).attributes.i),
    ).toEqual([1, 1, 1]);
    lines.close();
  });

  it('come out as they went in, whatever is in them', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 40 }), async (pairs) => {
        const { last } = await server.bus.info();
        const sent = pairs.map(([summary, value], i) => numbered(i, { summary, attributes: { i, value } }));
        await server.append(sent);
        const events = await receive(`?since=${last.ms}-${last.n}`, sent.length, ['event']);
        const expected = sent.map((activity) => JSON.parse(encodeActivity(activity)));
        expect(events.map((event) => JSON.parse(event.data))).toEqual(
          expected.map((activity, i) => ({ ...activity, cursor: events[i]?.lastEventId })),
        );
      }),
      cases(20, 20),
    );
  });
});
