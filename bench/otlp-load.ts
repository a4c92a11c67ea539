/**
 * Sends OTLP requests of 500 spans as fast as they are answered, everything encoded beforehand.
 * argv: http | grpc, port, requests, connections (http) or calls at a time (grpc)
 */
import { once } from 'node:events';
import { Client, credentials } from '@grpc/grpc-js';
import { tracesRequest } from './otlp-spans.ts';
import { openSocket } from './resp.ts';

const [door = '', portText = '', requestsText = '', lanesText = '4'] = process.argv.slice(2);
const port = Number(portText);
const SPANS = 500;
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

const bodies = Array.from({ length: Number(requestsText) }, (_, index) => tracesRequest(SPANS, index * SPANS));
const lanes = Number(lanesText);
// Connections and compiled code are warm before the clock starts.
const send = door === 'http' ? byHttp() : byGrpc();
for (let lane = 0; lane < lanes; lane++) await send(lane, tracesRequest(SPANS, 1_000_000_000 + lane * SPANS));
const startMs = performance.now();
let next = 0;
await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
const elapsedMs = performance.now() - startMs;
process.stdout.write(`${JSON.stringify({ spansPerSecond: (bodies.length * SPANS * 1_000) / elapsedMs })}\n`);
process.exit(0);

async function runLane(lane: number): Promise<void> {
  for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await send(lane, body);
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
