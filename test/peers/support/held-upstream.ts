import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** Stands before an upstream and passes everything on, but can keep the second half of an answer. */
export interface HeldUpstream {
  readonly url: string;
  /** From now on answers stop in their middle, until the returned function is called. */
  hold(): () => void;
  close(): Promise<void>;
}

export async function holdUpstream(upstreamUrl: string): Promise<HeldUpstream> {
  let released = Promise.resolve();
  const passOn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = await fetch(new URL(request.url ?? '/', upstreamUrl), {
      method: request.method ?? 'GET',
      headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
      ...(request.method === 'POST' && { body: await buffer(request) }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    const middle = Math.floor(body.length / 2);
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    response.write(body.subarray(0, middle));
    await released;
    response.end(body.subarray(middle));
  };
  const server = createServer((request, response) => {
    passOn(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    hold() {
      let letGo = (): void => undefined;
      released = new Promise((resolve) => {
        letGo = resolve;
      });
      return letGo;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
