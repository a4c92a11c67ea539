import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAccessRules } from '../../src/server/access.ts';
import { createApp } from '../../src/server/app.ts';
import { createAuth } from '../../src/server/auth.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { createSessions } from '../../src/server/sessions.ts';
import { problem, raw, request, serve } from './http.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('what is refused before a route runs', () => {
  it('says no in problem details, with the security headers', async () => {
    const { url } = await serve();
    const host = `host: ${new URL(url).host}\r\n`;
    const cases: [name: string, send: () => Promise<Awaited<ReturnType<typeof raw>>>, status: number, code: string][] =
      [
        ['unknown path', () => request(url, 'GET /nothing/here'), 404, 'not_found'],
        ['unknown method for a path', () => request(url, 'DELETE /activity'), 405, 'method_not_allowed'],
        ['a method nobody takes', () => request(url, 'PROPFIND /health'), 405, 'method_not_allowed'],
        ['GET where only POST is', () => request(url, 'GET /ingest'), 405, 'method_not_allowed'],
        [
          'wrong method with a body',
          () => request(url, 'PUT /ingest', { 'content-type': 'text/plain' }, 'x'),
          405,
          'method_not_allowed',
        ],
        ['TRACE', () => request(url, 'TRACE /'), 405, 'method_not_allowed'],
        ['CONNECT', () => raw(url, `CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`), 405, 'method_not_allowed'],
        ['broken percent-encoding', () => request(url, 'GET /traces/%zz'), 400, 'invalid_request'],
        ['a parameter too long', () => request(url, `GET /traces/${'a'.repeat(500)}`), 414, 'uri_too_long'],
        ['not HTTP', () => raw(url, 'hello\r\n\r\n'), 400, 'invalid_request'],
        ['no Host', () => raw(url, 'GET /activity HTTP/1.1\r\nconnection: close\r\n\r\n'), 400, 'invalid_request'],
        [
          'no Host, open route',
          () => raw(url, 'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n'),
          400,
          'invalid_request',
        ],
        ['unknown expectation', () => request(url, 'GET /health', { expect: 'wonders' }), 400, 'invalid_request'],
        ['no Host in HTTP/1.0', () => raw(url, 'GET /activity HTTP/1.0\r\n\r\n'), 421, 'host_not_allowed'],
        [
          'two lengths',
          () => raw(url, `POST /ingest HTTP/1.1\r\n${host}content-length: 1\r\ncontent-length: 2\r\n\r\n`),
          400,
          'invalid_request',
        ],
        [
          'bad chunk',
          () =>
            raw(
              url,
              `POST /ingest HTTP/1.1\r\n${host}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
            ),
          400,
          'invalid_request',
        ],
        ['long target', () => request(url, `GET /activity?filter=${'a'.repeat(9_000)}`), 414, 'uri_too_long'],
        [
          'a target that alone is too long for a head',
          () => request(url, `GET /${'a'.repeat(30_000)}`),
          414,
          'uri_too_long',
        ],
        ['large head', () => request(url, 'GET /health', { 'x-large': 'a'.repeat(20_000) }), 431, 'headers_too_large'],
        [
          'text/plain',
          () => request(url, 'POST /ingest', { 'content-type': 'text/plain' }, '{"activities":[]}'),
          415,
          'unsupported_media_type',
        ],
        [
          'a form',
          () => request(url, 'POST /ingest', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=b'),
          415,
          'unsupported_media_type',
        ],
        ['no type', () => request(url, 'POST /ingest', {}, '{}'), 415, 'unsupported_media_type'],
        [
          'compressed',
          () => request(url, 'POST /ingest', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 'xx'),
          415,
          'unsupported_media_type',
        ],
      ];
    for (const [name, send, status, code] of cases) {
      const answer = await send().catch((error: unknown) => {
        throw new Error(`${name}: ${String(error)}`);
      });
      expect([name, answer.status, problem(answer).code]).toEqual([name, status, code]);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.headers['referrer-policy']).toBe('no-referrer');
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      if (status === 405) expect(answer.headers.allow).toMatch(/GET|POST/);
    }
  });

  it('names the methods a path takes', async () => {
    const { url } = await serve();
    expect((await request(url, 'POST /health')).headers.allow).toBe('GET, HEAD');
    expect((await request(url, 'GET /ingest')).headers.allow).toBe('POST');
    expect((await request(url, 'POST /traces/4bf92f3577b34da6a3ce929d0e0e4736')).headers.allow).toBe('GET, HEAD');
  });

  it('refuses a body that is too large, announced or not', async () => {
    const { url } = await serve({ bodyBytesMax: 2_048 });
    const large = JSON.stringify({ activities: [{ name: 'x', summary: 'a'.repeat(4_000) }] });
    expect(problem(await request(url, 'POST /ingest', JSON_TYPE, large)).code).toBe('payload_too_large');
    const chunked = { ...JSON_TYPE, 'transfer-encoding': 'chunked', connection: 'close', host: new URL(url).host };
    const head = Object.entries(chunked).map(([name, value]) => `${name}: ${value}\r\n`);
    const chunk = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    const answer = await raw(url, `POST /ingest HTTP/1.1\r\n${head.join('')}\r\n${chunk}`);
    expect([answer.status, problem(answer).code]).toEqual([413, 'payload_too_large']);
  });

  it('cuts off a head or a body that trickles in, with a 408', async () => {
    const sessions = createSessions({ port: () => 0 });
    const metrics = createMetrics();
    const app = createApp({
      rules: createAccessRules('127.0.0.1', []),
      auth: createAuth(undefined, sessions),
      sessions,
      metrics,
      bodyBytesMax: 10_000,
      readersMax: 10,
      requestTimeoutMs: 200,
    });
    onTestFinished(async () => {
      await app.close();
      await metrics.close();
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const form = 'host: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\n';
    for (const start of ['GET /health HTTP/1.1\r\nhost: local', `POST /sign-in HTTP/1.1\r\n${form}tok`]) {
      const answer = await raw(url, start);
      expect([answer.status, problem(answer).code]).toEqual([408, 'request_timeout']);
    }
  });

  it('does not answer junk into the middle of a stream', async () => {
    const { url } = await serve();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.write('GET /activity/stream HTTP/1.1\r\nhost: localhost\r\n\r\n');
    let received = '';
    socket.on('data', (chunk) => {
      if (received === '') socket.write('this is not HTTP\r\n\r\n');
      received += chunk.toString();
    });
    await once(socket, 'close');
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(received).toContain('text/event-stream');
  });

  it('answers a probe of HTTP/1.0 that names no Host', async () => {
    const { url } = await serve();
    expect((await raw(url, 'GET /health HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  it('answers HEAD like GET without a body', async () => {
    const { url } = await serve();
    const answer = await request(url, 'HEAD /health');
    expect([answer.status, answer.body]).toEqual([200, '']);
  });
});
