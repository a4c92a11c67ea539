import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** Passed on, cut off without an answer, or answered in the server's place. */
export type Verdict = 'pass' | 'cut' | { status: number; problem: Record<string, unknown> };

/** Stands between a page and its server and decides on each request; streams under way go on. */
export interface Gate {
  readonly url: string;
  judge: (path: string) => Verdict;
}

export async function startGate(serverUrl: string, judge: Gate['judge'] = () => 'pass'): Promise<Gate> {
  const server = createServer((incoming, answer) => {
    const verdict = gate.judge(incoming.url ?? '');
    if (verdict === 'cut') {
      incoming.socket.destroy();
      return;
    }
    if (verdict !== 'pass') {
      answer.writeHead(verdict.status, { 'content-type': 'application/problem+json' });
      answer.end(JSON.stringify(verdict.problem));
      return;
    }
    const { method, headers } = incoming;
    const passed = request(serverUrl + incoming.url, { method, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    passed.on('error', () => incoming.socket.destroy());
    answer.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const gate: Gate = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, judge };
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return gate;
}
