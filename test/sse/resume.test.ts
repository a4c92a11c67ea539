import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { EventSource } from 'eventsource';
import { afterEach, describe, expect, it } from 'vitest';
import { type StreamServer, startStreamServer, until } from './stream-server.ts';

let server: StreamServer;
afterEach(() => server.close());

/** A way to the server that can be cut at any byte, as networks do. */
async function startCutter(target: string): Promise<{ url: string; cut(): void; close(): Promise<void> }> {
  const { port, pathname } = new URL(target);
  const open = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => from.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${pathname}`,
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

describe('a stock SSE client that is cut again and again', () => {
  it.each([
    ['within the ring', 60_000],
    ['out of the log, with a ring of 1,000', 1_000],
  ])('receives each of 50,000 activities once and in order, %s', async (_where, ringCountMax) => {
    server = await startStreamServer({ ringCountMax, retryMs: 20 });
    const total = 50_000;
    const cuts = 20;
    const cutter = await startCutter(server.url);
    const source = new EventSource(`${cutter.url}?since=0-0`);
    const received: number[] = [];
    const controls: string[] = [];
    // Places chosen at random, each once the client has come so far.
    const places = Array.from({ length: cuts }, () => Math.floor(Math.random() * total * 0.95)).sort((a, b) => a - b);
    let done = 0;
    let open = false;
    source.addEventListener('open', () => {
      open = true;
    });
    for (const type of ['gap', 'lagged', 'reset']) source.addEventListener(type, (event) => controls.push(event.data));
    source.addEventListener('event', (event) => {
      received.push(JSON.parse(event.data).attributes.i);
      if (open && done < cuts && received.length > (places[done] ?? 0)) {
        done += 1;
        open = false;
        cutter.cut();
      }
    });
    let sent = 0;
    while (sent < total) {
      await server.appendNumbered(sent, sent + 500);
      sent += 500;
      // In step with the reader, so that cuts fall into live delivery as well as into replays.
      await until(() => received.length > sent - 5_000, 'the reader comes along');
    }
    await until(() => received.length >= total, 'all of them');
    source.close();
    expect(done).toBe(cuts);
    expect(server.stream.stats().opened).toBe(cuts + 1);
    expect(controls).toEqual([]);
    expect(received.length).toBe(total);
    expect(received.every((i, at) => i === at)).toBe(true);
    await cutter.close();
  });

  it('told of a bare id resumes from there, and one that ignores it from its last event', async () => {
    server = await startStreamServer({ heartbeatMs: 100, retryMs: 20 });
    const cutter = await startCutter(server.url);
    const source = new EventSource(`${cutter.url}?filter=name:wanted`);
    const names: string[] = [];
    source.addEventListener('event', (event) => names.push(JSON.parse(event.data).attributes.i));
    await until(() => server.stream.stats().readers === 1, 'the reader');
    await until(() => server.stream.stats().heartbeats > 0, 'a heartbeat');
    cutter.cut();
    // Written while it is away, before it has seen a single event.
    await server.appendNumbered(0, 1, { name: 'wanted' });
    await until(() => names.length === 1, 'what was written meanwhile');
    await server.appendNumbered(1, 300);
    cutter.cut();
    await server.appendNumbered(300, 301, { name: 'wanted' });
    await until(() => names.length === 2, 'the next one');
    expect(names).toEqual([0, 300]);
    source.close();
    await cutter.close();
  });
});
