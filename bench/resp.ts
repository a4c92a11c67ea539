import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One command in RESP, as Redis reads it. */
export function encodeCommand(args: readonly (string | number)[]): Buffer {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    const value = String(arg);
    text += `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
  }
  return Buffer.from(text);
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/**
 * Writes the payloads, `window` of them unanswered at a time, and resolves when all are answered. `replyMark` stands once
 * in the bytes of each payload's reply, `marksAPayload` times.
 */
export function pump(
  socket: Socket,
  payloads: readonly Buffer[],
  options: { window: number; replyMark: string; marksAPayload: number },
): Promise<void> {
  const mark = Buffer.from(options.replyMark);
  return new Promise((resolve, reject) => {
    let sent = 0;
    let marks = 0;
    let rest: Buffer = Buffer.alloc(0);
    const send = (): void => {
      const answered = Math.floor(marks / options.marksAPayload);
      if (answered === payloads.length) {
        socket.off('data', read);
        resolve();
      }
      while (sent < payloads.length && sent - answered < options.window) socket.write(payloads[sent++] as Buffer);
    };
    const read = (chunk: Buffer): void => {
      const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (data[0] === 0x2d) reject(new Error(data.toString('utf8', 0, 200)));
      let at = 0;
      for (let found = data.indexOf(mark, at); found >= 0; found = data.indexOf(mark, at)) {
        marks++;
        at = found + mark.length;
      }
      rest = data.subarray(Math.max(at, data.length - mark.length + 1));
      send();
    };
    socket.on('data', read);
    socket.on('error', reject);
    send();
  });
}
