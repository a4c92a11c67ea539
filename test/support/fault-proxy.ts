import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a real server that fails on demand, and only then. */
export interface FaultProxy {
  readonly port: number;
  /** Breaks every connection; new ones are served. */
  cut(): void;
  /** Nothing gets through in either direction, and nobody is told; what was sent waits. */
  stall(): void;
  /** What the server sends vanishes without a sign: the connection is alive but deaf. */
  deafen(): void;
  /** Lets traffic through again. Bytes that vanished stay lost, so connections that were deaf are cut. */
  heal(): void;
  close(): Promise<void>;
}

export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; deaf: boolean }>();
  let mode: 'through' | 'stalled' | 'deaf' = 'through';

  const proxy = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    const pair = { client, server, deaf: false };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on('error', end);
      socket.on('close', end);
      if (mode === 'stalled') socket.pause();
    }
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => {
      if (mode === 'deaf') pair.deaf = true;
      else client.write(chunk);
    });
    if (mode === 'stalled') for (const socket of [client, server]) socket.pause();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const cut = (): void => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  return {
    port: address.port,
    cut,
    stall() {
      mode = 'stalled';
      for (const { client, server } of pairs) {
        client.pause();
        server.pause();
      }
    },
    deafen() {
      mode = 'deaf';
    },
    heal() {
      mode = 'through';
      for (const { client, server, deaf } of pairs) {
        if (deaf) client.destroy();
        client.resume();
        server.resume();
      }
    },
    async close() {
      cut();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
