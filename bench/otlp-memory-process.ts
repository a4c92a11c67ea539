/**
 * A whole server in this process, its log in Redis, and a sender of full load by OTLP/HTTP. Answers each message of its
 * parent with what it holds. argv: Redis URL, feed
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { createServer } from '../src/server/index.ts';

export interface OtlpMemory {
  /** After a collection. */
  heapBytes: number;
  rssBytes: number;
  spans: number;
}

const LANES = '8';
const [url = '', feed = ''] = process.argv.slice(2);
const server = await createServer({ url, feed, port: 0, otlpHttpPort: 0 });
const { port } = new URL(server.otlpHttpUrl ?? '');
const sender = fork(join(import.meta.dirname, 'otlp-load.ts'), ['http', port, 'endless', LANES]);
sender.on('exit', () => process.exit(1));

process.on('message', async () => {
  const { otlp } = (await (await fetch(`${server.url}/stats`)).json()) as { otlp: { spans: number } };
  globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const memory: OtlpMemory = { heapBytes: heapUsed + arrayBuffers, rssBytes: rss, spans: otlp.spans };
  process.send?.(memory);
});
process.on('disconnect', () => {
  sender.kill();
  process.exit();
});
process.send?.('ready');
