import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openRaw, type StreamServer, type StreamServerOptions, startStreamServer, until } from './stream-server.ts';

let server: StreamServer;
const start = async (options?: StreamServerOptions): Promise<StreamServer> => {
  server = await startStreamServer(options);
  return server;
};
afterEach(() => server.close());

/** Bytes as they stand on the wire. */
function talk(url: string, request: string): { text(): string; end(): void; ended: Promise<void> } {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(request));
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  return {
    text: () => text,
    end: () => socket.destroy(),
    ended: new Promise((done) => socket.on('close', () => done())),
  };
}

describe('the first bytes', () => {
  it('come at once, with the headers of an event stream', async () => {
    await start();
    const stream = await openRaw(server.url);
    expect(stream.response.statusCode).toBe(200);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'livespan-heartbeat-ms': '15000',
    });
    await until(() => stream.blocks().length === 1, 'the first block');
    const [first] = stream.blocks();
    expect(first).toMatchObject({ comment: 'livespan', id: `${server.feed.status().epoch}-0` });
    expect(Number(first?.retry)).toBeGreaterThan(0);
    stream.close();
  });

  it('name the newest entry where there is one, and what follows is live', async () => {
    await start();
    await server.appendNumbered(0, 3);
    const stream = await openRaw(server.url);
    await until(() => stream.blocks().length === 1, 'the first block');
    const last = (await server.bus.info()).last;
    expect(stream.blocks()[0]?.id).toBe(`${last.ms}-${last.n}`);
    await server.appendNumbered(3, 5);
    await until(() => stream.numbers().length === 2, 'live frames');
    expect(stream.numbers()).toEqual([3, 4]);
    const frame = stream.blocks()[1];
    expect(frame).toMatchObject({
      event: 'event',
      id: `${last.ms}-${last.n + 1}`.replace(/^\d+/, frame?.id?.split('-')[0] ?? ''),
    });
    expect(JSON.parse(frame?.data ?? '')).toMatchObject({ cursor: frame?.id, attributes: { i: 3 } });
    stream.close();
  });

  it('wait for the first cursor while the log was never reached', async () => {
    await start({ idle: true, heartbeatMs: 100 });
    const stream = await openRaw(server.url);
    await until(() => stream.blocks().length >= 2, 'a heartbeat');
    expect(stream.text()).not.toContain('id:');
    await server.appendNumbered(0, 2);
    await server.feed.start();
    await until(() => stream.text().includes('id:'), 'the first cursor');
    await server.appendNumbered(2, 4);
    await until(() => stream.numbers().includes(3), 'live frames');
    expect(stream.numbers().slice(-2)).toEqual([2, 3]);
    stream.close();
  });
});

describe('formats', () => {
  it('message has no event lines, and control frames as data', async () => {
    await start({ log: { countMax: 100 }, ringCountMax: 128 });
    await server.appendNumbered(0, 1);
    const { last } = await server.bus.info();
    await server.appendNumbered(1, 400);
    const stream = await openRaw(`${server.url}?format=message&since=${last.ms}-${last.n}`);
    await until(() => stream.numbers().at(-1) === 399, 'all that is left');
    expect(stream.text()).not.toContain('event:');
    const [, gap] = stream.blocks();
    const numbers = stream.numbers();
    expect(JSON.parse(gap?.data ?? '')).toEqual({ type: 'gap', cursor: gap?.id, missed: 399 - numbers.length });
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, k) => 400 - numbers.length + k));
    stream.close();
  });

  it('ndjson is a line an activity, with control objects told by their type', async () => {
    await start({ heartbeatMs: 100 });
    const stream = await openRaw(`${server.url}?format=ndjson&since=0-0`);
    expect(stream.response.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    await server.appendNumbered(0, 2);
    await until(() => (stream.text().match(/"position"/g) ?? []).length >= 2, 'a heartbeat');
    await server.stream.close();
    await stream.ended;
    const lines = stream
      .text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({ type: 'position', cursor: '0-0' });
    const activities = lines.filter((line) => line.type === undefined);
    expect(activities.map((line) => line.attributes.i)).toEqual([0, 1]);
    const { cursor } = activities[1];
    expect(lines.find((line, at) => at > 0 && line.type === 'position')).toEqual({ type: 'position', cursor });
    expect(lines.at(-1)).toMatchObject({ type: 'end', cursor, reason: 'closing' });
  });

  it('answers HEAD with the head, and counts no reader', async () => {
    await start();
    const head = await openRaw(server.url, { method: 'HEAD' });
    await head.ended;
    expect(head.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(head.text()).toBe('');
    expect(server.stream.stats()).toMatchObject({ readers: 0, opened: 0 });
  });

  it('has no chunks on HTTP/1.0', async () => {
    await start();
    const client = talk(`${server.url}`, 'GET /activity/stream?since=0-0 HTTP/1.0\r\n\r\n');
    await server.appendNumbered(0, 1);
    await until(() => client.text().includes('"i":0'), 'the frame');
    const [head, body] = client.text().split('\r\n\r\n');
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(body).toMatch(/^: livespan\nretry: \d+\nid: 0-0\n\nid: \d+-1\nevent: event\ndata: \{"cursor".*\}\n\n$/);
    await server.stream.close();
    await client.ended;
  });

  it('ends its chunks properly, and takes a pipelined request', async () => {
    await start();
    const two =
      'GET /activity/stream?format=xml HTTP/1.1\r\nHost: x\r\n\r\nGET /activity/stream?since=0-0 HTTP/1.1\r\nHost: x\r\n\r\n';
    const client = talk(server.url, two);
    await server.appendNumbered(0, 1);
    await until(() => client.text().includes('"i":0'), 'the frame');
    await server.stream.close();
    await client.ended;
    expect(client.text()).toMatch(/^HTTP\/1\.1 400 /);
    const body = client.text().slice(client.text().lastIndexOf('\r\n\r\n', client.text().indexOf(': livespan')) + 4);
    expect(dechunk(body)).toMatch(/^: livespan\n[\s\S]*: closing\nretry: \d+\nid: \d+-1\n\n$/);
  });
});

/** Fails where the framing of RFC 9112 section 7.1 is broken. */
function dechunk(body: string): string {
  let rest = body;
  let text = '';
  for (;;) {
    const match = /^([0-9a-f]+)\r\n/.exec(rest);
    if (match === null) throw new Error(`No chunk: ${rest.slice(0, 40)}`);
    const size = Number.parseInt(match[1] ?? '', 16);
    const chunk = rest.slice(match[0].length, match[0].length + size);
    if (rest.slice(match[0].length + size, match[0].length + size + 2) !== '\r\n')
      throw new Error('A chunk has no end');
    rest = rest.slice(match[0].length + size + 2);
    if (size === 0) return text;
    text += chunk;
  }
}

describe('refusals before the first byte', () => {
  const problemAt = async (query: string, headers: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    const stream = await openRaw(`${server.url}${query}`, { headers });
    await stream.ended;
    expect(stream.response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    return { retryAfter: stream.response.headers['retry-after'], ...JSON.parse(stream.text()) };
  };

  it.each([
    ['?filter=severity:%3E%3D', { code: 'invalid_filter', column: expect.any(Number) }],
    ['?since=yesterday', { code: 'invalid_cursor', parameter: 'since' }],
    ['?format=xml', { code: 'invalid_request', parameter: 'format' }],
  ])('%s is a 400', async (query, problem) => {
    await start();
    expect(await problemAt(query)).toMatchObject({ status: 400, ...problem });
  });

  it('a bad Last-Event-ID is a 400, also beside a good since', async () => {
    await start();
    const problem = await problemAt('?since=5m', { 'last-event-id': '12' });
    expect(problem).toMatchObject({ status: 400, code: 'invalid_cursor', parameter: 'Last-Event-ID' });
  });

  it('too many readers are 503 with Retry-After, in total and an address', async () => {
    await start({ readersMax: 2 });
    const open = [await openRaw(server.url), await openRaw(server.url)];
    expect(await problemAt('')).toMatchObject({ status: 503, code: 'too_many_readers', limit: 2, retryAfter: '5' });
    open[0]?.close();
    await until(() => server.stream.stats().readers === 1, 'a reader less');
    open.push(await openRaw(server.url));
    expect(server.stream.stats()).toMatchObject({ readers: 2, refused: 1, opened: 3, ended: { client: 1 } });
    for (const stream of open) stream.close();
    await server.close();
    await start({ readersPerAddressMax: 1 });
    const one = await openRaw(server.url);
    expect(await problemAt('')).toMatchObject({ code: 'too_many_readers', limit: 1 });
    one.close();
  });

  it('a server that stops says so', async () => {
    await start();
    await server.stream.close();
    expect(await problemAt('')).toMatchObject({ status: 503, code: 'closed' });
  });
});

describe('cursors', () => {
  it('Last-Event-ID wins over since', async () => {
    await start();
    await server.appendNumbered(0, 10);
    const { last } = await server.bus.info();
    const id = `${last.ms}-${last.n - 2}`;
    const stream = await openRaw(`${server.url}?since=0-0`, { headers: { 'last-event-id': id } });
    await until(() => stream.numbers().length === 2, 'the rest');
    expect(stream.blocks()[0]?.id).toBe(id);
    expect(stream.numbers()).toEqual([8, 9]);
    stream.close();
  });

  it('heartbeats move the cursor of a filtered reader, and it resumes there', async () => {
    await start({ heartbeatMs: 100 });
    const stream = await openRaw(`${server.url}?filter=name:other`);
    await server.appendNumbered(0, 7);
    const { last } = await server.bus.info();
    const cursor = `${last.ms}-${last.n}`;
    await until(() => stream.blocks().some(({ id }) => id === cursor), 'a heartbeat with the newest cursor');
    expect(stream.blocks().at(-1)).toEqual({ comment: 'heartbeat', id: cursor });
    expect(stream.numbers()).toEqual([]);
    stream.close();
    expect(server.stream.stats().heartbeats).toBeGreaterThan(0);
  });

  it('a graceful stop gives everybody the exact cursor and a time to come back', async () => {
    await start({ retryMs: 100 });
    const streams = await Promise.all(
      ['?since=0-0', '?filter=name:other', '?since=0-0&format=message'].map((query) => openRaw(server.url + query)),
    );
    await server.appendNumbered(0, 5);
    await until(() => streams[0]?.numbers().length === 5, 'the frames');
    await server.stream.close();
    await Promise.all(streams.map((stream) => stream.ended));
    const { last } = await server.bus.info();
    for (const stream of streams) {
      const final = stream.blocks().at(-1);
      expect(final).toMatchObject({ comment: 'closing', id: `${last.ms}-${last.n}` });
      expect(final?.data).toBeUndefined();
      expect(Number(final?.retry)).toBeGreaterThanOrEqual(100);
      expect(Number(final?.retry)).toBeLessThanOrEqual(300);
      expect(stream.response.complete).toBe(true);
    }
    expect(server.stream.stats()).toMatchObject({ readers: 0, lanes: 0, ended: { closing: 3 } });
  });
});
