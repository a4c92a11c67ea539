import { fileURLToPath } from 'node:url';
import { answersOk, freePorts, type Program, startProgram } from './program.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** `livespan serve` in a process of its own, on free loopback ports that it keeps over a restart. */
export interface Livespan {
  readonly url: string;
  readonly otlpHttpUrl: string;
  readonly otlpGrpc: string;
  readonly token: string;
  /** `GET /metrics`. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export async function startLivespan(options: { redisUrl: string; feed: string }): Promise<Livespan> {
  const [port = 0, otlpHttpPort = 0, otlpGrpcPort = 0] = await freePorts(3);
  const url = `http://127.0.0.1:${port}`;
  const token = 'a-token-of-the-tests';
  const launch = (): Promise<Program> =>
    startProgram({
      path: process.execPath,
      args: [MAIN, 'serve'],
      env: {
        LIVESPAN_URL: options.redisUrl,
        LIVESPAN_FEED: options.feed,
        LIVESPAN_TOKEN: token,
        LIVESPAN_PORT: String(port),
        LIVESPAN_OTLP_HTTP_PORT: String(otlpHttpPort),
        LIVESPAN_OTLP_GRPC_PORT: String(otlpGrpcPort),
      },
      isReady: () => answersOk(`${url}/ready`),
    });
  let program = await launch();
  return {
    url,
    otlpHttpUrl: `http://127.0.0.1:${otlpHttpPort}`,
    otlpGrpc: `127.0.0.1:${otlpGrpcPort}`,
    token,
    metrics: async () => (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text(),
    stop: () => program.stop(),
    kill: () => program.kill(),
    async restart() {
      await program.kill();
      program = await launch();
    },
  };
}
