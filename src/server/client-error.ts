import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LivespanError } from '../errors.ts';
import { problemOf, SECURITY_HEADERS } from './problem.ts';

/** The newest answer of each connection. */
export type Answers = WeakMap<Duplex, ServerResponse>;

/** What Node's parser refuses before there is a request to route, in our words. */
export function answerClientError(
  error: Error & { code?: string; rawPacket?: unknown },
  socket: Duplex,
  answer: ServerResponse | undefined,
): void {
  // Junk after a request whose answer (a stream, say) is on its way must not be answered into the middle of it.
  const isAnswering = answer?.headersSent === true && !answer.writableFinished;
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  answerOnSocket(socket, reasonOf(error));
}

/** CONNECT asks for a tunnel; there is none. */
export function refuseTunnel(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  answerOnSocket(socket, new LivespanError('method_not_allowed', 'This server is no proxy'));
}

function reasonOf(error: Error & { code?: string; rawPacket?: unknown }): LivespanError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return hasLongTarget(error.rawPacket)
        ? new LivespanError('uri_too_long', 'The request target is longer than this server takes')
        : new LivespanError('headers_too_large', 'The request head is larger than this server takes');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new LivespanError('payload_too_large', 'The chunk extensions are larger than this server takes');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new LivespanError('request_timeout', 'The request did not arrive in time');
    default:
      return new LivespanError('invalid_request', 'That is not valid HTTP/1.1');
  }
}

/** Whether the head grew too large in its first line already. */
function hasLongTarget(packet: unknown): boolean {
  if (!Buffer.isBuffer(packet)) return false;
  const lineEnd = packet.indexOf('\n');
  return /^[A-Z]+ /.test(packet.subarray(0, 20).toString('latin1')) && (lineEnd === -1 || lineEnd > 8_192);
}

function answerOnSocket(socket: Duplex, error: LivespanError): void {
  const problem = problemOf(error);
  const headers = {
    ...SECURITY_HEADERS,
    ...problem.headers,
    date: new Date().toUTCString(),
    'content-length': String(Buffer.byteLength(problem.body)),
    connection: 'close',
    ...(error.code === 'method_not_allowed' && { allow: 'GET, HEAD, POST' }),
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${head.join('')}\r\n${problem.body}`);
}
