import { fileURLToPath } from 'node:url';
import { peerPath } from '../at-hand.ts';
import { answersOk, freePorts, type Program, startProgram } from './program.ts';

const CONFIGS = new URL('../../../collector/', import.meta.url);

/** A Collector with configurations of ours, on free loopback ports. */
export interface Collector {
  readonly grpcPort: number;
  readonly httpPort: number;
  pid(): number;
  /** One of its own metrics, summed over the series whose labels hold `labels`; 0 while there is none. */
  figure(name: string, labels?: string): Promise<number>;
  metrics(): Promise<string>;
  output(): string;
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again on the same ports, with the same configuration. */
  restart(): Promise<void>;
}

export function configPath(name: string): string {
  return fileURLToPath(new URL(name, CONFIGS));
}

/** @param env what the configuration takes from the environment: endpoints, token, queue sizes */
export async function startCollector(configs: readonly string[], env: Record<string, string>): Promise<Collector> {
  const [grpcPort = 0, httpPort = 0, healthPort = 0, metricsPort = 0] = await freePorts(4);
  const launch = (): Promise<Program> =>
    startProgram({
      path: peerPath('collector'),
      args: configs.map((name) => `--config=${configPath(name)}`),
      env: {
        COLLECTOR_GRPC_ENDPOINT: `127.0.0.1:${grpcPort}`,
        COLLECTOR_HTTP_ENDPOINT: `127.0.0.1:${httpPort}`,
        COLLECTOR_HEALTH_ENDPOINT: `127.0.0.1:${healthPort}`,
        COLLECTOR_METRICS_PORT: String(metricsPort),
        ...env,
      },
      isReady: () => answersOk(`http://127.0.0.1:${healthPort}/`),
    });
  let program = await launch();
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return {
    grpcPort,
    httpPort,
    pid: () => program.pid,
    metrics,
    async figure(name, labels = '') {
      const lines = (await metrics())
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    output: () => program.output(),
    stop: () => program.stop(),
    kill: () => program.kill(),
    async restart() {
      await program.kill();
      program = await launch();
    },
  };
}
