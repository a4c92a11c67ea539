/**
 * Sends OTLP requests of 500 spans as fast as they are answered, everything encoded beforehand.
 * argv: http | grpc, port, requests or `endless`, connections (http) or calls at a time (grpc)
 */
import { once } from 'node:events';
import { Client, credentials } from '@grpc/grpc-js';
import { tracesRequest } from './otlp-spans.ts';
import { openSocket } from './resp.ts';

const [door = '', portText = '', requestsText = '', lanesText = '4'] = process.argv.slice(2);
const port = Number(portText);
const SPANS = 500;
const WARM_UP = 120;
/** Enough that none is changed while it is under way. */
const BODIES_ENDLESS = 64;
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

const isEndless = requestsText === 'endless';
const requests = isEndless ? BODIES_ENDLESS : Number(requestsText);
const bodies = Array.from({ length: requests }, (_, index) => tracesRequest(SPANS, index * SPANS));
const lanes = Number(lanesText);
const send = door === 'http' ? byHttp() : byGrpc();
// Connections are open and code is compiled before the clock starts.
await sendAll(Array.from({ length: WARM_UP }, (_, index) => tracesRequest(SPANS, 1_000_000_000 + index * SPANS)));
if (isEndless) await sendForever();
const startMs = performance.now();
await sendAll(bodies);
const elapsedMs = performance.now() - startMs;
process.stdout.write(`${JSON.stringify({ spansPerSecond: (bodies.length * SPANS * 1_000) / elapsedMs })}\n`);
process.exit(0);

async function sendAll(requests: readonly Buffer[]): Promise<void> {
  let next = 0;
  const runLane = async (_: unknown, lane: number): Promise<void> => {
    for (let body = requests[next++]; body !== undefined; body = requests[next++]) await send(lane, body);
  };
  await Promise.all(Array.from({ length: lanes }, runLane));
}

/** Each time with another trace id in its first span: the same bytes would be taken for a request sent again. */
async function sendForever(): Promise<void> {
  process.on('disconnect', () => process.exit());
  const idAt = bodies.map((body) => body.indexOf(Buffer.alloc(12, 0x5a)));
  let sent = 0;
  const runLane = async (_: unknown, lane: number): Promise<void> => {
    for (;;) {
      const index = sent % BODIES_ENDLESS;
      const body = bodies[index] as Buffer;
      body.writeUInt32BE(sent++, idAt[index]);
      await send(lane, body);
    }
  };
  await Promise.all(Array.from({ length: lanes }, runLane));
}

function byHttp(): (lane: number, body: Buffer) => Promise<void> {
  const sockets = Array.from({ length: lanes }, () => openSocket(port));
  return async (lane, body) => {
    const socket = await (sockets[lane] as (typeof sockets)[number]);
    const head = `POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-protobuf\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.cork();
    socket.write(head);
    socket.write(body);
    socket.uncork();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(answer.toString());
  };
}

function byGrpc(): (lane: number, body: Buffer) => Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  return (_, body) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(EXPORT, same, same, body, (error) => (error === null ? resolve() : reject(error)));
    });
}
