/**
 * A server in this process, one reader of `name:ping` on it and a ping every 10 ms from a process of its own: how late do
 * the pings come while one request of 8 MiB is taken?
 * argv: protobuf | json
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from '../src/server/index.ts';
import { tracesMessage, tracesRequest } from './otlp-spans.ts';

const BODY_BYTES = 8 * 1_048_576;
const PING_MS = 10;
const [role = '', url = '', otlpUrl = ''] = process.argv.slice(2);

if (role === 'reader') await read();
else await measureDelays(role);

/** Tells its parent the longest delay since the last question. */
async function read(): Promise<void> {
  let longestMs = 0;
  process.on('message', () => {
    process.send?.(longestMs);
    longestMs = 0;
  });
  const response = await fetch(`${url}/activity/stream?filter=name:ping&format=ndjson`);
  setInterval(() => void ping(), PING_MS);
  if (response.body === null) throw new Error('no stream');
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.includes('"ping"')) continue;
      const { attributes } = JSON.parse(line) as { attributes: { sent: number } };
      longestMs = Math.max(longestMs, performance.timeOrigin + performance.now() - attributes.sent);
    }
  }
}

async function ping(): Promise<void> {
  const sent = performance.timeOrigin + performance.now();
  const logRecords = [{ eventName: 'ping', attributes: [{ key: 'sent', value: { doubleValue: sent } }] }];
  const body = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
  await fetch(`${otlpUrl}/v1/logs`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

async function measureDelays(encoding: string): Promise<void> {
  const server = await createServer({ url: 'memory:', port: 0, otlpHttpPort: 0, bodyBytesMax: BODY_BYTES });
  const { otlpHttpUrl = '' } = server;
  const reader = fork(import.meta.filename, ['reader', server.url, otlpHttpUrl]);
  const body = largeBody(encoding, BODY_BYTES);
  const type = encoding === 'json' ? 'application/json' : 'application/x-protobuf';
  // The first large request compiles the code; it is not the one that is measured.
  const send = async (text: Buffer): Promise<number> => {
    const startMs = performance.now();
    const response = await fetch(`${otlpHttpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: new Uint8Array(text),
    });
    if (response.status !== 200) throw new Error(await response.text());
    return performance.now() - startMs;
  };
  await send(largeBody(encoding, 1_048_576));
  await sleep(1_000);
  await longest(reader);
  await sleep(1_000);
  const quietMs = await longest(reader);
  const requestMs = await send(body);
  await sleep(300);
  const busyMs = await longest(reader);
  reader.kill();
  process.stdout.write(`${JSON.stringify({ quietMs, busyMs, requestMs })}\n`);
  process.exit(0);
}

function largeBody(encoding: string, bytes: number): Buffer {
  const encode = (spans: number): Buffer =>
    encoding === 'json' ? Buffer.from(jsonOf(tracesMessage(spans, 0))) : tracesRequest(spans, 0);
  const each = encode(1_000).length / 1_000;
  return encode(Math.floor((bytes * 0.98) / each));
}

/** OTLP/JSON has ids in hex. */
function jsonOf(message: object): string {
  return JSON.stringify(message, (_, value: unknown) => {
    const buffer = value as { type?: string; data?: number[] } | null;
    return buffer?.type === 'Buffer' && buffer.data !== undefined ? Buffer.from(buffer.data).toString('hex') : value;
  });
}

async function longest(reader: ChildProcess): Promise<number> {
  reader.send('longest');
  const [longestMs] = (await once(reader, 'message')) as [number];
  return longestMs;
}
