import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Block,
  openRaw,
  readBlocks,
  type StreamServer,
  type StreamServerOptions,
  startStreamServer,
  until,
} from './stream-server.ts';

let server: StreamServer;
let slow: SlowReader | undefined;
afterEach(async () => {
  slow?.socket.destroy();
  slow = undefined;
  await server.close();
});

interface SlowReader {
  socket: Socket;
  blocks(): Block[];
}

/** A reader that can stop reading; HTTP/1.0, so that the bytes need no unpacking. */
function openSlow(query: string): SlowReader {
  const { port, pathname } = new URL(server.url);
  let text = '';
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(`GET ${pathname}${query} HTTP/1.0\r\n\r\n`));
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => socket.destroy());
  slow = { socket, blocks: () => readBlocks(text.slice(text.indexOf('\r\n\r\n') + 4)) };
  return slow;
}

/** Large enough that a few hundred fill what the two kernels hold for a connection. */
const LARGE = { attributes: { text: 'x'.repeat(60_000) } };
const RING = 128;

const start = async (options: StreamServerOptions): Promise<void> => {
  server = await startStreamServer({ ringCountMax: RING, ...options });
};

/** A reader that is live, stops reading, and is overrun by `count` large entries. */
async function overrun(query: string, count: number): Promise<SlowReader> {
  const reader = openSlow(query);
  await until(() => server.stream.stats().live === 1, 'the reader is live');
  await server.appendNumbered(0, 1);
  await until(() => reader.blocks().length === 2, 'the first frame');
  reader.socket.pause();
  for (let at = 1; at < count; at += 20) {
    await server.appendNumbered(at, Math.min(count, at + 20), LARGE);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(server.feed.ring.tail).toBeGreaterThan(1);
  expect(server.stream.stats().live).toBe(0);
  return reader;
}

const numberOf = (block: Block): number | undefined => JSON.parse(block.data ?? '{}').attributes?.i;
const numbersOf = (reader: SlowReader): number[] => reader.blocks().flatMap((block) => numberOf(block) ?? []);
const laggedOf = (reader: SlowReader) =>
  reader
    .blocks()
    .flatMap((block) => (block.event === 'lagged' ? [{ id: block.id, ...JSON.parse(block.data ?? '') }] : []));
const COUNT = 400;

describe('a reader that falls out of the ring', () => {
  it('catch-up: gets everything from the log, once and in order', async () => {
    await start({ overrun: 'catch-up' });
    const reader = await overrun('', COUNT);
    reader.socket.resume();
    await until(() => numbersOf(reader).length === COUNT, 'everything');
    expect(numbersOf(reader)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    await until(() => server.stream.stats().live === 1, 'it is live again');
    await server.appendNumbered(COUNT, COUNT + 1);
    await until(() => numbersOf(reader).at(-1) === COUNT, 'a live frame');
    expect(server.stream.stats()).toMatchObject({ overruns: 1, replays: 1, skippedEntries: 0 });
  });

  it('catch-up: is told by a gap what the log no longer has', async () => {
    await start({ overrun: 'catch-up', log: { countMax: 150 } });
    const reader = await overrun('', COUNT);
    reader.socket.resume();
    await until(() => numbersOf(reader).at(-1) === COUNT - 1, 'the newest');
    const gaps = reader.blocks().filter(({ event }) => event === 'gap');
    const missed = gaps.reduce((sum, { data }) => sum + JSON.parse(data ?? '').missed, 0);
    expect(missed).toBeGreaterThan(0);
    expect(numbersOf(reader).length + missed).toBe(COUNT);
  });

  it('skip: goes on at the head, told exactly what it missed', async () => {
    await start({ overrun: 'skip' });
    const reader = await overrun('', COUNT);
    reader.socket.resume();
    await until(() => server.stream.stats().live === 1, 'it is live again');
    await server.appendNumbered(COUNT, COUNT + 1);
    await until(() => numbersOf(reader).at(-1) === COUNT, 'a live frame');
    const numbers = numbersOf(reader);
    const [lagged, ...more] = laggedOf(reader);
    expect(more).toEqual([]);
    const { last } = await server.bus.info();
    expect(lagged).toMatchObject({ id: lagged?.cursor, missed: COUNT + 1 - numbers.length });
    // The cursor of the last skipped entry, the one before the newest.
    expect(lagged?.cursor.split('-')[1]).toBe(String(last.n - 1));
    expect(lagged).not.toHaveProperty('sampled');
    expect(server.stream.stats()).toMatchObject({ overruns: 1, replays: 0, skippedEntries: lagged?.missed });
  });

  it('sample: gets one in k, told so, with errors and both ends of spans kept and every omission counted', async () => {
    await start({ overrun: 'sample', sampleCalmMs: 1_000 });
    const reader = await overrun('', COUNT);
    reader.socket.resume();
    await until(() => server.stream.stats().live === 1, 'it is live again');
    await until(() => laggedOf(reader).length > 0, 'it is told');
    expect(laggedOf(reader)).toMatchObject([{ sampled: 4 }]);
    await server.appendNumbered(COUNT, COUNT + 10, { severity: 'error' });
    await server.appendNumbered(COUNT + 10, COUNT + 20, { kind: 'span.start' });
    await server.appendNumbered(COUNT + 20, COUNT + 60);
    const told = (): number => numbersOf(reader).length + laggedOf(reader).reduce((sum, { missed }) => sum + missed, 0);
    await until(() => told() === COUNT + 60, 'everything shown or counted');
    const late = numbersOf(reader).filter((i) => i >= COUNT);
    expect(late.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, k) => COUNT + k));
    expect(late.length).toBe(30);
    // Each omission is told before the frame that follows it: cursors never go back.
    const places = reader.blocks().flatMap(({ id }) => (id === undefined ? [] : [Number(id.split('-')[1])]));
    expect(places.every((n, at) => at === 0 || n >= (places[at - 1] ?? 0))).toBe(true);
    // It keeps up, so it gets twice as much after a while, and in the end everything again.
    await until(() => laggedOf(reader).at(-1)?.sampled === 1, 'the end of sampling');
    expect(
      laggedOf(reader)
        .filter(({ missed }) => missed === 0)
        .map(({ sampled }) => sampled),
    ).toEqual([2, 1]);
    await server.appendNumbered(COUNT + 60, COUNT + 70);
    await until(() => numbersOf(reader).at(-1) === COUNT + 69, 'all of them again');
    expect(numbersOf(reader).slice(-10)).toEqual(Array.from({ length: 10 }, (_, k) => COUNT + 60 + k));
  });

  it('disconnect: is sent away with its exact cursor, and resumes without a hole', async () => {
    await start({ overrun: 'disconnect' });
    const reader = await overrun('', COUNT);
    const closed = new Promise((resolve) => reader.socket.once('close', resolve));
    reader.socket.resume();
    await closed;
    const numbers = numbersOf(reader);
    const final = reader.blocks().at(-1);
    expect(final).toMatchObject({ comment: 'overrun', id: reader.blocks().at(-2)?.id });
    expect(server.stream.stats().ended.overrun).toBe(1);
    const rest = await openRaw(server.url, { headers: { 'last-event-id': final?.id ?? '' } });
    await until(() => rest.numbers().at(-1) === COUNT - 1, 'the rest');
    expect([...numbers, ...rest.numbers()]).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    rest.close();
  });
});

describe('a reader that never reads', () => {
  it('holds a bounded amount of memory, then is cut', async () => {
    await start({ stallMs: 1_500, log: { bytesMax: 8 * 1_048_576 } });
    const reader = openSlow('');
    reader.socket.pause();
    await until(() => server.stream.stats().live === 1, 'the reader is live');
    const connections = new Set<Socket>();
    server.http.on('connection', (socket) => connections.add(socket));
    const healthy = await openRaw(`${server.url}?filter=@i:%3E=599`);
    for (let at = 0; at < 600; at += 20) {
      await server.appendNumbered(at, at + 20, LARGE);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => healthy.numbers().length === 1, 'another reader is served meanwhile');
    // 36 MB were written; it was given what the kernel took, and one piece.
    const given = server.stream.stats().bytes;
    expect(given).toBeLessThan(20 * 1_048_576);
    await until(() => server.stream.stats().readers === 1, 'it is cut');
    expect(server.stream.stats()).toMatchObject({ readers: 1, ended: { stalled: 1, client: 0 } });
    healthy.close();
  });

  it('is not cut while it reads slowly', async () => {
    await start({ stallMs: 1_000, ringCountMax: 1_000 });
    const reader = openSlow('');
    await until(() => server.stream.stats().live === 1, 'the reader is live');
    reader.socket.pause();
    await server.appendNumbered(0, 300, LARGE);
    // A gulp four times a stall limit, for longer than one.
    const startMs = Date.now();
    const gulps = setInterval(() => {
      reader.socket.resume();
      reader.socket.once('data', () => reader.socket.pause());
    }, 50);
    await until(() => Date.now() - startMs > 3_000, 'three stall limits have gone by');
    clearInterval(gulps);
    expect(server.stream.stats().ended.stalled).toBe(0);
    reader.socket.resume();
    await until(() => numbersOf(reader).length === 300, 'everything');
    expect(numbersOf(reader)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });
});
