import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { createServer, type LivespanServer, type ServerOptions } from '../../src/server/index.ts';

/** Of every answer: nothing inline, nothing from elsewhere. */
export const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** A server on a free port with a log of its own, closed when the test ends. */
export async function serve(options: ServerOptions = {}): Promise<LivespanServer> {
  const feed = `test:${randomBytes(6).toString('hex')}:x`;
  const server = await createServer({ url: 'memory:', feed, port: 0, ...options });
  onTestFinished(() => server.close());
  return server;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends exactly these bytes on a fresh connection and reads until the server closes it. */
export async function raw(url: string, bytes: string): Promise<Answer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return parseAnswer(await text(socket));
}

/** One request, with a head that says `Connection: close` and the lines given. */
export function request(url: string, line: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  const all = {
    host: new URL(url).host,
    connection: 'close',
    ...(body !== '' && { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(url, `${line} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

function parseAnswer(answer: string): Answer {
  const end = answer.indexOf('\r\n\r\n');
  const [first = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf(':');
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  return { status: Number(first.split(' ')[1]), headers, body: answer.slice(end + 4) };
}

/** A problem document, checked for its form. */
export function problem(answer: {
  status: number;
  headers: Record<string, string>;
  body: string;
}): Record<string, unknown> {
  const type = answer.headers['content-type'] ?? '';
  if (!type.startsWith('application/problem+json')) throw new Error(`no problem document but ${type}: ${answer.body}`);
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  if (body.status !== answer.status) throw new Error(`status ${answer.status} but ${String(body.status)} in the body`);
  for (const member of ['type', 'title', 'detail', 'code']) {
    if (typeof body[member] !== 'string' || body[member] === '') throw new Error(`no ${member} in ${answer.body}`);
  }
  return body;
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${url}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

/** GET that must succeed, as parsed JSON. */
export async function getJson<T>(url: string, headers: Record<string, string> = {}): Promise<T> {
  const response = await fetch(url, { headers });
  if (response.status !== 200) throw new Error(`${response.status} for ${url}: ${await response.text()}`);
  return (await response.json()) as T;
}
