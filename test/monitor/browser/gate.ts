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

const NOT_HERE: Verdict = { status: 404, problem: {} };

/** @param base the path below which a proxy has the server; nothing is passed on of what is not below it */
export async function startGate(serverUrl: string, judge: Gate['judge'] = () => 'pass', base = ''): Promise<Gate> {
  const server = createServer((incoming, answer) => {
    const { url = '' } = incoming;
    const path = url.slice(base.length);
    const verdict = url.startsWith(base) ? gate.judge(path) : NOT_HERE;
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
    const passed = request(serverUrl + path, { method, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    passed.on('error', () => incoming.socket.destroy());
    answer.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const gate: Gate = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`, judge };
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return gate;
}
