import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LANES, noCounts, type ReaderCounts, SoakReader } from '../../bench/soak-readers.ts';
import { findings, type Minute } from '../../bench/soak-verdict.ts';
import { until } from '../sse/stream-server.ts';

// What the soak relies on: a reader that sees nothing wrong, or bounds that nothing breaks, would let it pass for ever.

const event = (n: number, attributes: object = {}): string =>
  `id: 5-${n}\nevent: event\ndata: ${JSON.stringify({ cursor: `5-${n}`, name: 'x', attributes })}\n\n`;
const START = ': livespan\nretry: 1000\nid: 5-0\n\n';

/** What a soak reader makes of such a stream, in pieces of any size. */
async function read(stream: string, lane?: number): Promise<ReaderCounts> {
  const server = createServer((_, response) => {
    response.writeHead(200);
    for (let at = 0; at < stream.length; at += 7) response.write(stream.slice(at, at + 7));
    response.write(event(9_999));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const counts = noCounts();
  const reader = new SoakReader(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, lane, counts);
  reader.come();
  await until(() => reader.n === 9_999, 'the end of the stream');
  reader.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  if (lane === undefined) counts.wrong.pop();
  return counts;
}

describe('a reader of the soak', () => {
  it('counts entries and takes what is in order', async () => {
    const gap = 'id: 5-6\nevent: gap\ndata: {"type":"gap","cursor":"5-6","missed":4}\n\n';
    const beat = ': heartbeat\nid: 5-2\n\n';
    const counts = await read(`${START}${event(1)}${event(2)}${beat}${gap}${event(7)}${event(8)}`);
    expect(counts).toMatchObject({ entries: 5, told: 1, missed: 4, wrong: [] });
  });

  it.each([
    ['a hole', event(1) + event(3)],
    ['a repetition', event(1) + event(1)],
    ['a step back', event(1) + event(2) + event(1)],
    ['a heartbeat ahead of it', `${event(1)}: heartbeat\nid: 5-3\n\n`],
  ])('finds %s', async (_, stream) => {
    expect((await read(START + stream)).wrong).not.toEqual([]);
  });

  it('with a filter, takes its own lane without a hole and nothing else', async () => {
    const of = (n: number, index: number): string => event(n, { index, lane: index % LANES });
    expect((await read(START + of(4, 3) + of(14, 3 + LANES), 3)).wrong).toEqual([]);
    expect((await read(START + of(4, 3) + of(24, 3 + 2 * LANES), 3)).wrong).not.toEqual([]);
    expect((await read(START + of(4, 4), 3)).wrong).not.toEqual([]);
  });
});

describe('the verdict of the soak', () => {
  const flat: Omit<Minute, 'minute' | 'cells'> = {
    inServer: { heapBytes: 60e6, rssBytes: 400e6, descriptors: 120, cpuShare: 0.2 },
    inApp: { heapBytes: 20e6, rssBytes: 200e6, descriptors: 25, cpuShare: 0.1 },
    connected: 85,
    redisBytes: 45e6,
    redisClients: 4,
  };
  const run = (change: (minute: number) => Partial<Minute>): Minute[] =>
    Array.from({ length: 30 }, (_, minute) => ({ ...flat, minute, cells: [], ...change(minute) }));
  const noise = (minute: number): number => 1 + ((minute * 7) % 5) / 50;

  it('takes noise for flat, and what grows in the warm-up', () => {
    const { inServer } = flat;
    expect(findings(run((at) => ({ inServer: { ...inServer, heapBytes: inServer.heapBytes * noise(at) } })))).toEqual(
      [],
    );
    expect(findings(run((at) => ({ redisBytes: Math.min(45e6, 10e6 * (at + 1)) })))).toEqual([]);
    expect(findings(run((at) => ({ connected: 50 + at, inServer: { ...inServer, descriptors: 85 + at } })))).toEqual(
      [],
    );
  });

  it.each<[string, (at: number) => Partial<Minute>]>([
    ['server heap', (at) => ({ inServer: { ...flat.inServer, heapBytes: (60e6 + at * 1e6) * noise(at) } })],
    ['server RSS', (at) => ({ inServer: { ...flat.inServer, rssBytes: (400e6 + at * 6e6) * noise(at) } })],
    ['server descriptors', (at) => ({ inServer: { ...flat.inServer, descriptors: 120 + at } })],
    ['application heap', (at) => ({ inApp: { ...flat.inApp, heapBytes: (20e6 + at * 4e5) * noise(at) } })],
    ['Redis memory', (at) => ({ redisBytes: 45e6 + at * 4e5 })],
    ['Redis clients', (at) => ({ redisClients: 4 + at })],
  ])('finds %s that grows', (what, change) => {
    expect(findings(run(change)).join()).toContain(what);
  });
});
