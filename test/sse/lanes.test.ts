import { afterEach, describe, expect, it } from 'vitest';
import { openRaw, type RawStream, type StreamServer, startStreamServer, until } from './stream-server.ts';

let server: StreamServer;
let streams: RawStream[] = [];
afterEach(async () => {
  for (const stream of streams) stream.close();
  streams = [];
  await server.close();
});

async function open(count: number, query: string): Promise<RawStream[]> {
  const opened = await Promise.all(Array.from({ length: count }, () => openRaw(server.url + query)));
  streams.push(...opened);
  return opened;
}

describe('lanes', () => {
  it('evaluate a filter once per distinct text and activity, for any number of readers and formats', async () => {
    server = await startStreamServer();
    const spellings = [
      '?filter=name:test.*%20@i:%3E=10',
      '?filter=%20name:test.*%20%20@i:%3E=10',
      '?filter=name:test.*%20@i:%3E=10&format=message',
    ];
    const readers = (await Promise.all(spellings.map((query) => open(10, query)))).flat();
    await until(() => server.stream.stats().live === 30, 'all live');
    expect(server.stream.stats().lanes).toBe(2);
    await server.appendNumbered(0, 40);
    await until(() => readers.every((reader) => reader.numbers().length === 30), 'the matches');
    expect(server.stream.stats().filterEvaluations).toBe(40);
    // Others who come later to what the ring still holds.
    const cursor = readers[0]?.blocks()[1]?.id ?? '';
    const late = await open(10, `${spellings[0]}&since=${cursor}`);
    await until(() => late.every((reader) => reader.numbers().length === 29), 'the matches again');
    expect(server.stream.stats().filterEvaluations).toBe(40);
    expect(late[9]?.numbers()).toEqual(Array.from({ length: 29 }, (_, k) => k + 11));
    // And to the log: its entries are read once more, for all ten of them.
    const replaying = await open(10, `${spellings[0]}&since=0-0`);
    await until(() => replaying.every((reader) => reader.numbers().length === 30), 'the matches from the log');
    expect(server.stream.stats().filterEvaluations).toBeLessThanOrEqual(80);
  });

  it('go with their last reader, and their evaluations stay counted', async () => {
    server = await startStreamServer();
    const [one, two] = await Promise.all([open(2, '?filter=kind:event'), open(1, '?filter=kind:event&format=ndjson')]);
    await until(() => server.stream.stats().live === 3, 'all live');
    await server.appendNumbered(0, 5);
    await until(() => server.stream.stats().frames === 15, 'the frames');
    for (const stream of [...one, ...two]) stream.close();
    await until(() => server.stream.stats().readers === 0, 'all gone');
    expect(server.stream.stats()).toMatchObject({ lanes: 0, live: 0, filterEvaluations: 5, ended: { client: 3 } });
    await server.appendNumbered(5, 10);
    expect(server.stream.stats().filterEvaluations).toBe(5);
  });

  it('give notices of the system through any filter unless it names them', async () => {
    server = await startStreamServer();
    const [filtered] = await open(1, '?filter=name:other');
    const [without] = await open(1, '?filter=name:other%20-kind:notice');
    await until(() => server.stream.stats().live === 2, 'all live');
    await server.appendNumbered(0, 1, { kind: 'notice', name: 'livespan.dropped' });
    await server.appendNumbered(1, 2, { name: 'other' });
    await until(() => without?.numbers().length === 1, 'the match');
    await until(() => filtered?.numbers().length === 2, 'both');
    expect(without?.numbers()).toEqual([1]);
  });

  it('gather frames into fewer writes as the fan-out gets busier', async () => {
    server = await startStreamServer();
    const readers = await open(50, '');
    await until(() => server.stream.stats().live === 50, 'all live');
    for (let at = 0; at < 3_000; at += 10) {
      await server.appendNumbered(at, at + 10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => readers.every((reader) => reader.numbers().length === 3_000), 'every frame');
    const stats = server.stream.stats();
    expect(stats.frames).toBe(150_000);
    expect(stats.coalesced).toBe(stats.frames - stats.writes);
    expect(stats.writes).toBeLessThan(stats.frames / 10);
    for (const reader of readers) expect(reader.numbers().every((i, at) => i === at)).toBe(true);
  });

  it('serve 1,000 readers, each everything once and in order', async () => {
    server = await startStreamServer();
    const readers: RawStream[] = [];
    for (let k = 0; k < 10; k += 1) readers.push(...(await open(100, k % 2 === 0 ? '' : '?filter=@i:%3E=100')));
    await until(() => server.stream.stats().live === 1_000, 'all live');
    await server.appendNumbered(0, 200);
    await until(() => readers.every((reader) => reader.numbers().at(-1) === 199), 'the last one everywhere');
    for (const [k, reader] of readers.entries()) {
      const from = Math.floor(k / 100) % 2 === 0 ? 0 : 100;
      expect(reader.numbers()).toEqual(Array.from({ length: 200 - from }, (_, i) => from + i));
    }
    expect(server.stream.stats()).toMatchObject({ lanes: 2, filterEvaluations: 200, frames: 150_000 });
  });
});
