import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStream, type Stream, type StreamState } from '../../../src/monitor/feed/stream.ts';
import { until } from './live.ts';

const RETRY_MS = 10;
const RETRY_MAX_MS = 160;
/** What the two clocks of an announced wait may differ by. */
const ROUNDING_MS = 5;

type Answer = (request: IncomingMessage, response: ServerResponse, turn: number) => void;

interface Asked {
  atMs: number;
  cursor: string | undefined;
}

interface Heard {
  state: StreamState;
  /** From when it was said until the next try, ms. */
  waitMs: number;
}

interface Followed {
  stream: Stream;
  /** Requests that the server got. */
  asked: Asked[];
  heard: Heard[];
}

/** A stream from a server that answers so. */
async function follow(answer: Answer, cursor = ''): Promise<Followed> {
  const asked: Asked[] = [];
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const last = request.headers['last-event-id'];
    asked.push({ atMs: Date.now(), cursor: typeof last === 'string' ? last : undefined });
    answer(request, response, asked.length);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stream = openStream({
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    filter: '',
    cursor,
    retryMs: RETRY_MS,
    retryMaxMs: RETRY_MAX_MS,
    onLines: () => undefined,
    onState: (state) => heard.push({ state, waitMs: 'retryAtMs' in state ? state.retryAtMs - Date.now() : 0 }),
  });
  onTestFinished(() => {
    stream.close();
    server.closeAllConnections();
    server.close();
  });
  return { stream, asked, heard };
}

const cut: Answer = ({ socket }) => socket.destroy();

/** Lines of a stream, after which it is cut, or ended where the last of them says so. */
function tell(response: ServerResponse, ...lines: readonly object[]): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), () => {
    if (lines.some((line) => 'reason' in line)) response.end();
    else setTimeout(() => response.destroy(), 20);
  });
}

const waitsOf = ({ heard }: Followed): number[] =>
  heard.filter(({ state }) => state.state === 'reconnecting').map(({ waitMs }) => waitMs);

describe('a stream that is cut', () => {
  it('is opened again after ever longer waits up to the longest, spread at random, from the same place', async () => {
    const cuts = 9;
    const all = await Promise.all(Array.from({ length: 4 }, () => follow(cut, '1700000000000-7')));
    for (const { asked } of all) await until(() => asked.length > cuts, `${cuts} tries again`);
    const shares: number[] = [];
    for (const one of all) {
      const waits = waitsOf(one).slice(0, cuts);
      for (const [failures, waitMs] of waits.entries()) {
        const meanMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** failures);
        expect(waitMs, `wait ${failures}`).toBeGreaterThanOrEqual(meanMs * 0.75 - ROUNDING_MS);
        expect(waitMs, `wait ${failures}`).toBeLessThanOrEqual(meanMs * 1.25 + ROUNDING_MS);
        if (meanMs === RETRY_MAX_MS) shares.push(waitMs / meanMs);
        // Not only said: the next request came no earlier. A server that is slow to notice comes later.
        const [before, after] = one.asked.slice(failures, failures + 2);
        expect((after?.atMs ?? 0) - (before?.atMs ?? 0)).toBeGreaterThanOrEqual(waitMs - ROUNDING_MS);
      }
      expect(new Set(one.asked.map(({ cursor }) => cursor))).toEqual(new Set(['1700000000000-7']));
    }
    // Who lost the same server at the same moment does not come back at the same moment.
    expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.05);
  });

  it('begins with the shortest wait again once it was live, and goes on from the last line', async () => {
    const one = await follow((request, response, turn) => {
      if (turn !== 5) cut(request, response, turn);
      else tell(response, { cursor: '1700000000000-8', type: 'position' }, { cursor: '1700000000000-9', name: 'x' });
    });
    await until(() => one.asked.length > 6, 'tries after the live one');
    const waits = waitsOf(one);
    expect(waits[3]).toBeGreaterThanOrEqual(RETRY_MS * 8 * 0.75 - ROUNDING_MS);
    expect(waits[4]).toBeLessThanOrEqual(RETRY_MS * 1.25 + ROUNDING_MS);
    expect(one.asked[4]?.cursor).toBeUndefined();
    expect(one.asked[5]?.cursor).toBe('1700000000000-9');
  });

  it('waits as long as the server asks for, when it ends the stream and when it takes nobody', async () => {
    const ending = await follow((request, response, turn) => {
      if (turn === 1) {
        tell(response, { type: 'end', reason: 'closing', retryMs: 700, cursor: '1700000000000-3' });
      } else cut(request, response, turn);
    });
    const full = await follow((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '2' });
      response.end(JSON.stringify({ code: 'too_many_readers', detail: 'Too many' }));
    });
    await until(() => ending.asked.length > 1 && full.heard.length > 0, 'both answers');
    expect(waitsOf(ending)[0]).toBeGreaterThanOrEqual(700 - ROUNDING_MS);
    expect(waitsOf(ending)[0]).toBeLessThanOrEqual(700 + ROUNDING_MS);
    expect((ending.asked[1]?.atMs ?? 0) - (ending.asked[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(700 - ROUNDING_MS);
    expect(ending.asked[1]?.cursor).toBe('1700000000000-3');
    expect(full.heard[0]?.state).toMatchObject({ state: 'overloaded', code: 'too_many_readers' });
    expect(full.heard[0]?.waitMs).toBeGreaterThanOrEqual(2_000 - ROUNDING_MS);
    // Whoever does not want to wait that long need not.
    full.stream.retryNow();
    await until(() => full.asked.length > 1, 'a try at once');
    expect((full.asked[1]?.atMs ?? 0) - (full.asked[0]?.atMs ?? 0)).toBeLessThan(2_000);
  });
});
